"""RedriveExecution, which MiniStack 1.5.33 lacks. Written here from what AWS documents, and so no proof of what AWS does:

- an execution that failed, was stopped or timed out goes on in the state that has no Exited event, by that state's input and
  with the variables of then; what it had exited before is not run again
- a redriven state is run from its beginning, its retries counted anew; a Catch does not belong to the states that failed
- children of a Distributed Map that had succeeded stay as they are, the others are redriven likewise, and those that were
  never started are started
- the time limit of the state machine begins anew, and RedriveCount is one more
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html and redrive-map-run.html, read in November 2026
"""

MENDS = [
    (
        '        "UpdateMapRun": _update_map_run,\n    }\n',
        '        "UpdateMapRun": _update_map_run,\n        "RedriveExecution": _redrive_execution,\n    }\n',
    ),
    (
        "def _map_run_view(run):\n",
        '''class _Aborted(Exception):
    pass


def _turn_is_over(execution, turn):
    return execution["status"] != "RUNNING" or execution.get("redriveCount", 0) != turn


def _redrive_execution(data):
    execution = _executions.get(data.get("executionArn"))
    if not execution:
        return error_response_json("ExecutionDoesNotExist", f"Execution {data.get('executionArn')} not found", 400)
    if execution["status"] in ("RUNNING", "SUCCEEDED"):
        return error_response_json("ExecutionNotRedrivable", f"Execution is {execution['status']} and cannot be redriven", 400)
    count = execution.get("redriveCount", 0) + 1
    execution.update(redriveCount=count, status="RUNNING", stopDate=None, output=None, error=None, cause=None)
    _add_event(execution, "ExecutionRedriven", {"executionRedrivenEventDetails": {"redriveCount": count}})
    _emit_execution_status_event(execution)
    threading.Thread(
        target=contextvars.copy_context().run, args=(_run_execution, execution["executionArn"]), daemon=True
    ).start()
    return json_response({"redriveDate": now_iso()})


def _map_run_view(run):
''',
    ),
    (
        '''    if execution.get("mapRunArn"):
        result["mapRunArn"] = execution["mapRunArn"]
    return json_response(result)
''',
        '''    if execution.get("mapRunArn"):
        result["mapRunArn"] = execution["mapRunArn"]
    result["redriveCount"] = execution.get("redriveCount", 0)
    return json_response(result)
''',
    ),
    ('        "redriveCount": 0,\n', '        "redriveCount": execution.get("redriveCount", 0),\n'),
    # The state that an execution is in, and what was before it, are kept until it has left the state.
    ('            "RedriveCount": 0,\n', '            "RedriveCount": execution.get("redriveCount", 0),\n'),
    (
        '''        while current_name and execution["status"] == "RUNNING":
            if deadline and time.time() > deadline:
''',
        '''        resumed = turn > 0
        if resumed:
            current_name, current_input, ctx["variables"] = copy.deepcopy(execution["_at"])
        while current_name and not _turn_is_over(execution, turn):
            if deadline and time.time() > deadline:
''',
    ),
    (
        '''            ctx["State"] = {"Name": current_name, "EnteredTime": now_iso(), "RetryCount": 0}
            state_type = state_def.get("Type")

            _add_event(''',
        '''            ctx["State"] = {"Name": current_name, "EnteredTime": now_iso(), "RetryCount": 0}
            state_type = state_def.get("Type")
            if not resumed:
                execution["_at"] = copy.deepcopy((current_name, current_input, ctx["variables"]))
                execution["_children"] = {}
            resumed = False

            _add_event(''',
    ),
    (
        '''        if execution["status"] == "RUNNING":
            output_json = json.dumps(current_input)''',
        '''        if not _turn_is_over(execution, turn):
            output_json = json.dumps(current_input)''',
    ),
    (
        '''    except _ExecutionError as err:
        _fail_execution(execution, err.error, err.cause)
    except Exception as exc:
        logger.exception("Unexpected error in execution %s", exec_arn)''',
        '''    except _ExecutionError as err:
        if _turn_is_over(execution, turn):
            return
        _fail_execution(execution, err.error, err.cause)
    except Exception as exc:
        if _turn_is_over(execution, turn):
            return
        logger.exception("Unexpected error in execution %s", exec_arn)''',
    ),
    (
        '''    try:
        current_input = json.loads(execution["input"])
    except json.JSONDecodeError:
        current_input = {}

    ctx = {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": exec_arn,''',
        '''    try:
        current_input = json.loads(execution["input"])
    except json.JSONDecodeError:
        current_input = {}

    turn = execution.get("redriveCount", 0)
    ctx = {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": exec_arn,''',
    ),
    # Children: those that succeeded stay, the others go on where they were.
    (
        '''    def run_child(idx, item):
        item_ctx = copy.deepcopy(ctx)
''',
        '''    turn = execution.get("redriveCount", 0)
    children = execution.setdefault("_children", {})

    def run_child(idx, item):
        if _turn_is_over(execution, turn):
            return
        before = children.get(idx)
        if before is not None and before["status"] == "SUCCEEDED":
            results[idx] = json.loads(before["output"])
            with lock:
                for counts in (run["itemCounts"], run["executionCounts"]):
                    counts["pending"] -= 1
                    counts["succeeded"] += 1
            return
        item_ctx = copy.deepcopy(ctx)
''',
    ),
    (
        '''        _executions[child["executionArn"]] = child
        with lock:''',
        '''        at = (iterator.get("StartAt"), child_input, item_ctx["variables"])
        if before is not None:
            child = before
            child.update(status="RUNNING", stopDate=None, error=None, cause=None)
            at = copy.deepcopy(before.get("_at", at))
        child["_parent"] = (execution, turn)
        item_ctx["variables"] = at[2]
        item_ctx["turn"] = turn
        children[idx] = child
        _executions[child["executionArn"]] = child
        with lock:''',
    ),
    (
        '''            results[idx] = _run_sub_machine(iterator.get("States", {}), iterator.get("StartAt"),
                                            child_input, child, item_ctx)
            child.update(status="SUCCEEDED", output=json.dumps(results[idx]))
            outcome = "succeeded"
''',
        '''            results[idx] = _run_sub_machine(iterator.get("States", {}), at[0], at[1], child, item_ctx)
            child.update(status="SUCCEEDED", output=json.dumps(results[idx]))
            outcome = "succeeded"
        except _Aborted:
            if child["_parent"][1] != turn:
                return
            child.update(status="ABORTED")
            outcome = "aborted"
''',
    ),
    (
        '''        state_type = state_def.get("Type")
        ctx["State"] = {"Name": current_name, "EnteredTime": now_iso(), "RetryCount": 0}

        if state_type == "Succeed" and''',
        '''        state_type = state_def.get("Type")
        ctx["State"] = {"Name": current_name, "EnteredTime": now_iso(), "RetryCount": 0}
        if "_parent" in execution:
            if _turn_is_over(execution["_parent"][0], ctx["turn"]):
                raise _Aborted()
            execution["_at"] = copy.deepcopy((current_name, current_input, ctx["variables"]))

        if state_type == "Succeed" and''',
    ),
]
