"""What several tests share: fakes of services, oracles, the customer's client. A module per subject, and no tests."""
