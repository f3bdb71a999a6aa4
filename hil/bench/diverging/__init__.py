"""One model's answers on several engines and devices, and where they part."""
