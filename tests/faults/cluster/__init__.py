"""The processes under test: brokers, services and gateways, and the proxies between them."""
