"""What the programs expect of an answer."""

from kiota_abstractions.api_error import APIError


async def refused(call, status):
    try:
        answer = await call
    except APIError as error:
        assert error.response_status_code == status, f"{error.response_status_code} {error.error.code}"
        return error
    raise AssertionError(f"it was answered: {answer}")


async def pages(builder, parameters=None):
    """All items of a list, and on how many pages they came."""
    from kiota_abstractions.base_request_configuration import RequestConfiguration

    configuration = RequestConfiguration(query_parameters=parameters) if parameters else None
    page = await builder.get(request_configuration=configuration)
    items, count = list(page.value), 1
    while page.odata_next_link:
        page = await builder.with_url(page.odata_next_link).get()
        items.extend(page.value)
        count += 1
    return items, count


def query(builder, eventual=False, **parameters):
    """A request configuration with the query parameters of this builder."""
    from kiota_abstractions.base_request_configuration import RequestConfiguration

    kind = next(v for k, v in vars(type(builder)).items() if k.endswith("QueryParameters"))
    configuration = RequestConfiguration(query_parameters=kind(**parameters))
    if eventual:
        configuration.headers.add("ConsistencyLevel", "eventual")
    return configuration
