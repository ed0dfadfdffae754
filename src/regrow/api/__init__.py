"""What a person asks for: the verbs, with their settings and types. `regrow` exports them."""
