// Command vault-peer ROOT_TOKEN [CERT KEY] is an OpenBao server without its command line: the real core, HTTP interface and
// engines, in memory and unsealed, on a free port of 127.0.0.1. Its first line of output is its address. It ends with its input, so
// that it never outlives the test that started it, or on SIGTERM.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	aeadwrapper "github.com/openbao/go-kms-wrapping/wrappers/aead/v2"
	"github.com/openbao/openbao/builtin/credential/approle"
	"github.com/openbao/openbao/builtin/credential/kubernetes"
	"github.com/openbao/openbao/builtin/logical/kv"
	"github.com/openbao/openbao/helper/namespace"
	vaulthttp "github.com/openbao/openbao/http"
	"github.com/openbao/openbao/internalshared/configutil"
	"github.com/openbao/openbao/sdk/v2/helper/consts"
	"github.com/openbao/openbao/sdk/v2/logical"
	"github.com/openbao/openbao/sdk/v2/physical/inmem"
	"github.com/openbao/openbao/vault"
	vaultseal "github.com/openbao/openbao/vault/seal"
)

func main() {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr})
	storage, err := inmem.NewInmem(nil, logger)
	must(err)
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:     storage,
		Logger:       logger,
		Seal:         vault.NewDefaultSeal(vaultseal.NewAccess(aeadwrapper.NewShamirWrapper())),
		RedirectAddr: "http://127.0.0.1",
		LogicalBackends: map[string]logical.Factory{
			"kv": kv.Factory,
		},
		CredentialBackends: map[string]logical.Factory{
			"approle":    approle.Factory,
			"kubernetes": kubeauth.Factory,
		},
		BuiltinRegistry: noPlugins{},
	})
	must(err)
	must(unseal(core, os.Args[1]))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	server := &http.Server{
		Handler:  vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{}}),
		ErrorLog: logger.StandardLogger(nil),
	}
	if len(os.Args) > 2 {
		fmt.Printf("https://%s\n", listener.Addr())
		go server.ServeTLS(listener, os.Args[2], os.Args[3])
	} else {
		fmt.Printf("http://%s\n", listener.Addr())
		go server.Serve(listener)
	}

	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	<-stopped.Done()
}

// unseal does what `bao server -dev` does: one key share, and a root token that is known beforehand.
func unseal(core *vault.Core, rootToken string) error {
	ctx := namespace.RootContext(context.Background())
	one := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}
	init, err := core.Initialize(ctx, &vault.InitParams{BarrierConfig: one})
	if err != nil {
		return err
	}
	if _, err := core.Unseal(init.SecretShares[0]); err != nil {
		return err
	}
	response, err := core.HandleRequest(ctx, &logical.Request{
		Operation:   logical.UpdateOperation,
		ClientToken: init.RootToken,
		Path:        "auth/token/create",
		Data:        map[string]any{"id": rootToken, "policies": []string{"root"}, "no_parent": true},
	})
	if response != nil && response.IsError() {
		return response.Error()
	}
	return err
}

// noPlugins: everything the peer has is compiled in.
type noPlugins struct{}

func (noPlugins) Contains(string, consts.PluginType) bool { return false }
func (noPlugins) Keys(consts.PluginType) []string         { return nil }
func (noPlugins) Get(string, consts.PluginType) (func() (any, error), bool) {
	return nil, false
}
func (noPlugins) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Unknown, false
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
