// A receiver of OTLP traces over HTTP as JSON, as strict as the published schema: what the collector's own reader takes, and
// no field that the protocol does not have.
//
//	otlp ADDRESS
//
// POST /v1/traces takes spans, GET /received gives all of them as the collector understood them.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"go.opentelemetry.io/collector/pdata/ptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

var (
	mutex    sync.Mutex
	received []json.RawMessage
)

func main() {
	http.HandleFunc("POST /v1/traces", take)
	http.HandleFunc("GET /received", give)
	if err := http.ListenAndServe(os.Args[1], nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func take(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err == nil && request.Header.Get("content-type") != "application/json" {
		err = fmt.Errorf("the content type is %q", request.Header.Get("content-type"))
	}
	if err == nil {
		// Unknown fields are errors here; that ids are hexadecimal and not base64 is the collector's to know.
		err = protojson.Unmarshal(body, &tracepb.TracesData{})
	}
	var traces ptrace.Traces
	if err == nil {
		traces, err = (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(body)
	}
	if err == nil {
		err = check(traces)
	}
	var understood []byte
	if err == nil {
		understood, err = (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
	}
	response.Header().Set("content-type", "application/json")
	if err != nil {
		response.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(response).Encode(map[string]any{"code": 3, "message": err.Error()})
		return
	}
	mutex.Lock()
	defer mutex.Unlock()
	received = append(received, understood)
	fmt.Fprint(response, "{}")
}

// What the schema says in words: https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
func check(traces ptrace.Traces) error {
	for _, resource := range traces.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				if span.TraceID().IsEmpty() || span.SpanID().IsEmpty() || span.Name() == "" {
					return fmt.Errorf("a span without id or name")
				}
				if span.EndTimestamp() < span.StartTimestamp() || span.StartTimestamp() == 0 {
					return fmt.Errorf("span %s ends before it begins", span.Name())
				}
			}
		}
	}
	return nil
}

func give(response http.ResponseWriter, _ *http.Request) {
	mutex.Lock()
	defer mutex.Unlock()
	json.NewEncoder(response).Encode(received)
}
