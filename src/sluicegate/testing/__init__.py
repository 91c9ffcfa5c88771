"""What adapter authors test with: conformance suites per port, in-memory fakes. Shipped, and used by our own tests."""
