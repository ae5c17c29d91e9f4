"""A server refuses unknown keys and bad values before anything is scheduled; the forms explain themselves."""

import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.utilities.callables import parameter_schema

from flows.captions import caption_dataset
from flows.evaluate import evaluate_checkpoint
from flows.experiment import run_experiment
from flows.maintenance import maintain_store
from flows.parameters import refuse_unknown_parameters
from flows.retrain import retrain

FLOWS = (run_experiment, retrain, caption_dataset, maintain_store, evaluate_checkpoint)
CONFIG = {"dataset": {"path": "sprites"}}
REFUSED = {
    "an unknown parameter": (run_experiment, {"config": CONFIG, "repetitoin": 1}, "'repetitoin' was unexpected"),
    "an unknown field": (run_experiment, {"config": CONFIG | {"sede": 1}}, "'sede' was unexpected"),
    "an unknown field below": (
        run_experiment,
        {"config": {"dataset": {"path": "x", "gird": 24}}},
        "'gird' was unexpect",
    ),
    "a field that lacks": (run_experiment, {"config": {"dataset": {}}}, "'path' is a required property"),
    "too small": (run_experiment, {"config": CONFIG | {"training": {"epochs": 0}}}, "less than the minimum of 1"),
    "no such choice": (run_experiment, {"config": CONFIG | {"model": {"method": "dora"}}}, "is not one of"),
    "neither number nor auto": (
        run_experiment,
        {"config": CONFIG | {"training": {"gradient_accumulation_steps": 0}}},
        "gradient_accumulation_steps",
    ),
    "no line": (retrain, {"store": "s"}, "'line' is a required property"),
    "no name": (retrain, {"line": "a b"}, "does not match"),
    "no day": (retrain, {"line": "a", "days_to_answer": 0}, "less than the minimum of 1"),
    "unknown here": (caption_dataset, {"dataset": {"path": "x"}, "two": "y"}, "'two' was unexpected"),
}


@pytest.fixture(scope="module")
def deployments(prefect_server):
    ids = {flow.name: flow.to_deployment(f"form-{flow.name}", tags=["forms-test"]).apply() for flow in FLOWS}
    assert refuse_unknown_parameters("forms-test") == sorted(f"form-{name}" for name in ids)
    return ids


@pytest.mark.parametrize(("flow", "parameters", "said"), REFUSED.values(), ids=REFUSED)
def test_a_server_refuses_it(deployments, flow, parameters, said):
    with get_client(sync_client=True) as client:
        with pytest.raises(PrefectHTTPStatusError) as refused:
            client.create_flow_run_from_deployment(deployments[flow.name], parameters=parameters)
        assert refused.value.response.status_code == 409
        assert said in refused.value.response.text
        assert client.read_flow_runs() == [] or all(
            run.deployment_id not in deployments.values() for run in client.read_flow_runs()
        )


def test_what_is_well_is_scheduled(deployments):
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployments["run-experiment"], parameters={"config": CONFIG})
        client.delete_flow_run(run.id)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_parameter_has_a_title_and_says_what_it_is(flow):
    for name, parameter in parameter_schema(flow).model_dump_for_openapi()["properties"].items():
        assert parameter["title"] != name
        assert parameter["description"]
