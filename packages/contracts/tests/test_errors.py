"""Error codes and refusals."""

from opsroom_contracts.errors import HTTP_STATUS, RETRYABLE, ErrorCode, Problem, refuse


def test_every_error_code_has_a_valid_http_status() -> None:
    assert set(HTTP_STATUS) == set(ErrorCode)
    for code, status in HTTP_STATUS.items():
        Problem(type="about:blank", title="t", status=status, detail="d", code=code)
    assert {HTTP_STATUS[code] for code in RETRYABLE} <= {503, 409, 408, 429}


def test_refuse_builds_an_exception_with_the_fault() -> None:
    error = refuse(ErrorCode.NAME_TAKEN, "taken", field="name", operation_id="op")
    assert (error.fault.code, error.fault.field, error.fault.operation_id) == ("name_taken", "name", "op")
    assert str(error) == "name_taken: taken"
