#!/usr/bin/env python3
"""Starts LocalStack 4.6.0 for its Step Functions alone, which was written apart from MiniStack's. A test tool.

What a state machine calls is served by TARGET: Lambda, S3, ECS and EventBridge. Put right is what AWS is known to do
otherwise: an ItemReader may read JSON Lines, and fails by its own error where it cannot read; a task whose container ends with another exit code than 0 has failed;
what ECS and EventBridge refuse is an error of theirs.
"""
import enum
import json
import os
import sys

# Read by LocalStack when it is imported: its folders are below FILESYSTEM_ROOT, in a container too.
os.environ["OVERRIDE_IN_DOCKER"] = "0"


def use_what_is_there():
    """The JRE of JAVA_HOME, and the jars that build.sh has put beside this Python."""
    from localstack import config

    config.dirs.static_libs = os.path.join(sys.prefix, "jars")
    from localstack.packages.java import JavaPackageInstaller

    JavaPackageInstaller.get_java_home = lambda self: os.environ["JAVA_HOME"]
    JavaPackageInstaller.is_installed = lambda self: True
    JavaPackageInstaller.install = lambda self, target=None: None


def install_jars():
    from localstack.packages import InstallTarget
    from localstack.services.stepfunctions.packages import jpype_jsonata_package

    jpype_jsonata_package.install(target=InstallTarget.STATIC_LIBS)


def call_the_target():
    import boto3
    from botocore.config import Config
    from localstack.services.stepfunctions.asl.utils import boto_client

    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        read_timeout=900,
        max_pool_connections=50,
        s3={"addressing_style": "path"},
    )
    clients = {}

    def client_for(service, region, state_credentials):
        key = service, region
        if key not in clients:
            clients[key] = boto3.session.Session().client(
                service,
                endpoint_url=os.environ["TARGET"],
                region_name=region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=config,
            )
        return clients[key]

    boto_client.boto_client_for = client_for


def read_json_lines():
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.item_reader.reader_config import (
        input_type,
    )

    class InputTypeValue(enum.Enum):
        CSV = "CSV"
        JSON = "JSON"
        JSONL = "JSONL"

    input_type.InputTypeValue = InputTypeValue
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.item_reader.resource_eval.resource_output_transformer import (
        resource_output_transformer_factory as factory,
        resource_output_transformer_json as of_json,
    )

    class JsonLines(of_json.ResourceOutputTransformerJson):
        def _eval_body(self, env):
            reader_config = env.stack.pop()
            lines = [json.loads(line) for line in env.stack.pop().splitlines() if line.strip()]
            env.stack.append(lines[: reader_config["MaxItemsValue"]])

    factory.InputTypeValue = InputTypeValue
    before = factory.resource_output_transformer_for

    def transformer_for(input_type):
        return JsonLines() if input_type.input_type_value is InputTypeValue.JSONL else before(input_type)

    factory.resource_output_transformer_for = transformer_for
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.item_reader import (
        item_reader_decl,
    )

    item_reader_decl.resource_output_transformer_for = transformer_for


def fail_as_item_reader():
    """An object that cannot be had is States.ItemReaderFailed, which a state may try again, and not States.Runtime."""
    from localstack.aws.api.stepfunctions import HistoryEventType, MapRunFailedEventDetails
    from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import StatesErrorName
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.item_reader.resource_eval.resource_eval_s3 import (
        ResourceEvalS3,
    )
    from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails

    evaluate = ResourceEvalS3.eval_resource

    def failing(self, env):
        try:
            evaluate(self, env)
        except Exception as error:
            name = StatesErrorName(typ=StatesErrorNameType.StatesItemReaderFailed)
            details = MapRunFailedEventDetails(error=name.error_name, cause=str(error))
            raise FailureEventException(
                FailureEvent(
                    env=env,
                    error_name=name,
                    event_type=HistoryEventType.MapRunFailed,
                    event_details=EventDetails(mapRunFailedEventDetails=details),
                )
            ) from error

    ResourceEvalS3.eval_resource = failing


def heed_exit_codes():
    from localstack.aws.api.stepfunctions import HistoryEventType, TaskFailedEventDetails
    from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import StatesErrorName
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_ecs import (
        StateTaskServiceEcs,
    )
    from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails
    from localstack.services.stepfunctions.asl.utils.encoding import to_json_str

    build = StateTaskServiceEcs._build_sync_resolver

    def heeding(self, env, *args, **kwargs):
        resolve = build(self, env, *args, **kwargs)

        def resolved():
            task = resolve()
            if task is None or all(one.get("ExitCode") == 0 for one in task.get("Containers", [])):
                return task
            details = TaskFailedEventDetails(
                resource=self._get_sfn_resource(),
                resourceType=self._get_sfn_resource_type(),
                error=StatesErrorNameType.StatesTaskFailed.to_name(),
                cause=to_json_str(task),
            )
            raise FailureEventException(
                FailureEvent(
                    env=env,
                    error_name=StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed),
                    event_type=HistoryEventType.TaskFailed,
                    event_details=EventDetails(taskFailedEventDetails=details),
                )
            )

        return resolved

    StateTaskServiceEcs._build_sync_resolver = heeding


def name_refusals():
    """`ECS.ServerException`, which a state may try again, and not States.Runtime. That of Lambda has its name."""
    from botocore.exceptions import ClientError
    from localstack.aws.api.stepfunctions import HistoryEventType, TaskFailedEventDetails
    from localstack.services.stepfunctions.asl.component.common.error_name.custom_error_name import CustomErrorName
    from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import FailureEvent
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_ecs import (
        StateTaskServiceEcs,
    )
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_events import (
        StateTaskServiceEvents,
    )
    from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails

    def name_those_of(service, prefix):
        before = service._from_error

        def named(self, env, ex):
            if not isinstance(ex, ClientError):
                return before(self, env=env, ex=ex)
            error = f"{prefix}.{ex.response['Error']['Code']}"
            details = TaskFailedEventDetails(
                resource=self._get_sfn_resource(),
                resourceType=self._get_sfn_resource_type(),
                error=error,
                cause=str(ex),
            )
            return FailureEvent(
                env=env,
                error_name=CustomErrorName(error),
                event_type=HistoryEventType.TaskFailed,
                event_details=EventDetails(taskFailedEventDetails=details),
            )

        service._from_error = named

    name_those_of(StateTaskServiceEcs, "ECS")
    name_those_of(StateTaskServiceEvents, "EventBridge")


def tell_nobody():
    """Changes of status would go to a service of LocalStack's own, which is not started."""
    from localstack.services.stepfunctions.backend.execution import Execution

    Execution.publish_execution_status_change_event = lambda self: None


if __name__ == "__main__":
    use_what_is_there()
    if sys.argv[1:] == ["--install-jars"]:
        sys.exit(install_jars())
    # First of all, since the others import what takes a client by its name.
    call_the_target()
    tell_nobody()
    read_json_lines()
    fail_as_item_reader()
    heed_exit_codes()
    name_refusals()
    from localstack.runtime.main import main

    main()
