"""Networks of addresses, and which addresses can be banned."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsroom_contracts.addresses import AddressRuleError, bannable_network, network_of


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8:0:0:1::", "2001:db8::/64"),
        ("2001:db8::/64", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_address_is_banned_as_its_network(text: str, network: str) -> None:
    assert bannable_network(text) == network


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "203.0.113",
        "203.0.113.0/24",
        "2001:db8::/48",
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
    ],
)
def test_loopback_multicast_and_larger_networks_can_not_be_banned(text: str) -> None:
    with pytest.raises(AddressRuleError):
        bannable_network(text)


@settings(max_examples=50, deadline=None)
@given(st.ip_addresses())
def test_the_network_of_a_client_is_the_one_that_was_banned(address: object) -> None:
    try:
        network = bannable_network(str(address))
    except AddressRuleError:
        return
    assert network_of(str(address)) == network == bannable_network(network)
