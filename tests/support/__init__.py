"""What tests of several tiers share: throw-away servers, the browser, names of the machine's programs."""
