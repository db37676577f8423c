"""What stands between the network and the interfaces: who may come in, how much, how fast, from where."""
