import pytest
from contract_stubs import CASES, Trained, fit_briefly


@pytest.fixture(scope="session", params=CASES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    case = CASES[request.param]
    run = tmp_path_factory.mktemp("runs") / request.param
    data = case.data()
    estimator = fit_briefly(case, data, run)
    return Trained(case, estimator, data if isinstance(data, list) else [data], run)
