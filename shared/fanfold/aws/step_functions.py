"""Start state machines."""

from fanfold.aws.client.call import AwsFault, Call


def start_once(call: Call, machine: str, name: str, request: str) -> bool:
    """Start the execution of a machine, by its ARN, on a JSON request; one of the same name is not started again.

    Return whether it runs: one that runs already, on the same request, does; one that has ended does not.
    """
    try:
        call("stepfunctions", "StartExecution", {"stateMachineArn": machine, "name": name, "input": request})
    except AwsFault as fault:
        if fault.code != "ExecutionAlreadyExists":
            raise
        return False
    return True
