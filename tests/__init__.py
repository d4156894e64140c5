"""The tests of micore: see docs/testing_guide.md."""
