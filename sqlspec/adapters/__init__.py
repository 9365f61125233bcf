"""One package per driver; nothing else imports that driver."""
