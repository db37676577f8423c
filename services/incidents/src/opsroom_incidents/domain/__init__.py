"""Rules of the incidents service, without input and output."""
