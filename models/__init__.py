"""Model backends: Protocols, the registry that finds them, and the store of their weights."""

import os

# onnxruntime reports usage to its makers unless this is set before it is imported. What runs here is people's
# voices: nothing leaves the machine that its operator did not ask for.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
