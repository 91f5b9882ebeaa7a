#!/usr/bin/env python3
"""Starts MiniStack 1.5.33 with what it gets wrong of Step Functions and Lambda mended. A test tool.

Each mend names the exact text of MiniStack's source that it replaces, and how often that stands there: with any other
version it stops instead of running half mended. The mends are where a run would be green that AWS makes red: names of
errors, JSONata in the Distributed Map, exit codes of tasks, time limits.
"""
import importlib.abc
import importlib.machinery
import sys

sys.dont_write_bytecode = True
import redrive  # noqa: E402

MENDS: dict[str, list[tuple[str, str]]] = {}

# Lambda says the name of what was thrown as errorType, by which a Catch picks it, and Runtime.ExitError of a process that was
# killed; MiniStack says Runtime.HandlerError.
MENDS["ministack.core.lambda_runtime"] = [
    (
        'status: "error", error: String(err.message || err), trace: err.stack || ""',
        'status: "error", error: String(err.message || err), etype: String((err && err.name) || "Error"), trace: err.stack || ""',
    ),
    (
        'status: "error", error: e.message, trace: e.stack',
        'status: "error", error: e.message, etype: String((e && e.name) || "Error"), trace: e.stack',
    ),
    (
        '{"status": "error", "error": "Worker process died"}',
        '{"status": "error", "error": "Worker process died", "etype": "Runtime.ExitError"}',
    ),
]
MENDS["ministack.services.lambda_svc"] = [
    (
        '            error_type = "Runtime.HandlerError"\n            if _RIE_TIMEOUT_TEXT_RE',
        '            error_type = result.get("etype") or "Runtime.HandlerError"\n            if _RIE_TIMEOUT_TEXT_RE',
    ),
]

STEP_FUNCTIONS = MENDS["ministack.services.stepfunctions"] = []

# JSONata in the Distributed Map: its reader, selector, items, output and variables. A child does not see its parent's
# variables. What is not played at all fails instead of being passed over.
STEP_FUNCTIONS += [
    (
        "        return _run_distributed_map(state_def, raw_input, effective, iterator, execution, ctx)",
        "        return _run_distributed_map(state_def, raw_input, effective, iterator, execution, ctx, items if is_jsonata else None)",
    ),
    (
        "def _run_distributed_map(state_def, raw_input, effective, iterator, execution, ctx):",
        '''def _run_distributed_map(state_def, raw_input, effective, iterator, execution, ctx, jsonata_items=None):
    is_jsonata = _state_query_language(state_def, ctx) == "JSONata"
    for unsupported in ("ItemBatcher", "ResultWriter"):
        if unsupported in state_def:
            raise _ExecutionError("States.Runtime", f"{unsupported} is not implemented in this emulator")
    if is_jsonata:
        evaluated = dict(state_def)
        for field in ("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount"):
            if field in evaluated:
                evaluated[field] = _apply_jsonata_template(evaluated[field], raw_input, ctx)
        if "ItemReader" in evaluated:
            reader = dict(evaluated["ItemReader"])
            reader["Arguments"] = _apply_jsonata_template(reader.get("Arguments") or {}, raw_input, ctx)
            reader["ReaderConfig"] = _apply_jsonata_template(reader.get("ReaderConfig") or {}, raw_input, ctx)
            evaluated["ItemReader"] = reader
        state_def = evaluated''',
    ),
    (
        '''    else:
        items = _resolve_path_or_ctx(state_def.get("ItemsPath", "$"), effective, ctx)
    if not isinstance(items, list):
        items = [items]

    parent_sm''',
        '''    elif jsonata_items is not None:
        items = jsonata_items
    else:
        items = _resolve_path_or_ctx(state_def.get("ItemsPath", "$"), effective, ctx)
    if not isinstance(items, list):
        items = [items]

    parent_sm''',
    ),
    (
        "        child_input = _resolve_params_obj(item_selector, effective, item_ctx) if item_selector else item\n",
        '''        if not item_selector:
            child_input = item
        elif is_jsonata:
            child_input = _apply_jsonata_template(item_selector, raw_input, item_ctx)
        else:
            child_input = _resolve_params_obj(item_selector, effective, item_ctx)
        item_ctx["variables"] = {}
''',
    ),
    (
        '''                              "The specified tolerated failure threshold was exceeded")
    result = ''',
        '''                              "The specified tolerated failure threshold was exceeded")
    if is_jsonata:
        results = [result for result, failure in zip(results, failures) if failure is None]
        output = _apply_jsonata_output(state_def, raw_input, ctx, result=results, default=results)
        _apply_state_assign(state_def, raw_input, ctx, result=results)
        return output, _next_or_end(state_def)
    result = ''',
    ),
]

# MaxDelaySeconds, where MiniStack has 60 s for all.
STEP_FUNCTIONS += [
    (
        "                _scaled_sleep(min(sleep_sec, 60))",
        '                _scaled_sleep(min(sleep_sec, retrier.get("MaxDelaySeconds", 86400)))',
    ),
    (
        '                _scaled_sleep(min(interval * (retrier.get("BackoffRate", 2.0) ** count), 60))',
        '                _scaled_sleep(min(interval * (retrier.get("BackoffRate", 2.0) ** count), retrier.get("MaxDelaySeconds", 86400)))',
    ),
]

# ecs:runTask.sync answers the one task, in AWS's spelling, and fails when a container's exit code is not 0.
STEP_FUNCTIONS += [
    (
        '''        if tasks and all(t.get("lastStatus") == "STOPPED" for t in tasks):
            return result
''',
        '''        if tasks and all(t.get("lastStatus") == "STOPPED" for t in tasks):
            def spelt(value):
                if isinstance(value, dict):
                    return {key[0].upper() + key[1:]: spelt(below) for key, below in value.items()}
                return [spelt(below) for below in value] if isinstance(value, list) else value
            task = spelt(tasks[0])
            if any(container.get("ExitCode") != 0 for container in task.get("Containers", [])):
                raise _ExecutionError("States.TaskFailed", json.dumps(task))
            return task
''',
    ),
]

# A task's container is in the network of whoever plays AWS, as on Fargate it has an interface of its own: MiniStack's way to it
# wants a bridge. And it keeps what a task definition says of the root file system.
MENDS["ministack.services.ecs"] = [
    (
        '        host_mode = td.get("networkMode") == "host"\n',
        '        host_mode = td.get("networkMode") in ("host", "awsvpc")\n',
    ),
    (
        '        privileged=bool(cdef.get("privileged") or cdef.get("Privileged")),\n    )\n    if binds:',
        '        privileged=bool(cdef.get("privileged") or cdef.get("Privileged")),\n        read_only=bool(cdef.get("readonlyRootFilesystem")),\n    )\n    if binds:',
    ),
]

# The time limit of a state machine, looked at between two states.
STEP_FUNCTIONS += [
    (
        '''        while current_name and execution["status"] == "RUNNING":
            state_def = all_states.get(current_name)''',
        '''        deadline = time.time() + definition["TimeoutSeconds"] if "TimeoutSeconds" in definition else None
        while current_name and execution["status"] == "RUNNING":
            if deadline and time.time() > deadline:
                raise _ExecutionError("States.Timeout", "State machine timed out")
            state_def = all_states.get(current_name)''',
    ),
    (
        '''        if execution["status"] == "RUNNING":
            output_json = json.dumps(current_input)''',
        '''        if deadline and time.time() > deadline:
            raise _ExecutionError("States.Timeout", "State machine timed out")
        if execution["status"] == "RUNNING":
            output_json = json.dumps(current_input)''',
    ),
    (
        '''            "StartTime": execution["startDate"],
        },''',
        '''            "StartTime": execution["startDate"],
            "RedriveCount": 0,
        },''',
    ),
]

# A child ends with what its state of type Succeed says.
STEP_FUNCTIONS += [
    (
        '''        if state_type == "Succeed":
            return _apply_output_path(state_def,
                                      _apply_input_path(state_def, current_input, ctx), ctx)
        if state_type == "Fail":
            raise _ExecutionError(*_fail_state_error(state_def, current_input, ctx))
''',
        '''        if state_type == "Succeed" and _state_query_language(state_def, ctx) == "JSONata":
            return _apply_jsonata_output(state_def, current_input, ctx, result=None, default=current_input)
        if state_type == "Succeed":
            return _apply_output_path(state_def,
                                      _apply_input_path(state_def, current_input, ctx), ctx)
        if state_type == "Fail":
            raise _ExecutionError(*_fail_state_error(state_def, current_input, ctx))
''',
    ),
]

# Calls of functions and tasks, and events, are asked for at SFN_ASK before they are made, so that a test can let them fail as they do on AWS.
STEP_FUNCTIONS += [
    (
        '''    """Dispatch to Lambda or return a mock/passthrough."""
''',
        '''    """Dispatch to Lambda or return a mock/passthrough."""
    if "SFN_ASK" in os.environ and any(
        one in resource for one in ("lambda:invoke", "ecs:runTask", "events:putEvents")
    ):
        import urllib.request
        asked = json.dumps({"resource": resource, "input": input_data}).encode()
        with urllib.request.urlopen(urllib.request.Request(os.environ["SFN_ASK"], data=asked)) as response:
            said = json.load(response)
        if "error" in said:
            raise _ExecutionError(said["error"], said["cause"])
        if "result" in said:
            return said["result"]
''',
    ),
]

STEP_FUNCTIONS += redrive.MENDS


class MendingLoader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        for old, new in MENDS[fullname]:
            found = source.count(old)
            if found != 1:
                raise SystemExit(f"{fullname} is not that of MiniStack 1.5.33: {found} times, not once: {old[:90]!r}")
            source = source.replace(old, new)
        return compile(source, self.path, "exec")


class MendingFinder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in MENDS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        spec.loader = MendingLoader(name, spec.origin)
        return spec


if __name__ == "__main__":
    sys.meta_path.insert(0, MendingFinder())
    # Now and not at the first request, so that a mend that does not fit is seen at once.
    import ministack.services.ecs  # noqa: F401
    import ministack.services.lambda_svc  # noqa: F401
    import ministack.services.stepfunctions  # noqa: F401
    from ministack.app import main

    main()
