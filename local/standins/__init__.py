"""Stand-ins for the AWS services that no free emulator answers: Rekognition, SageMaker runtime, Bedrock runtime."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before a stand-in imports ONNX Runtime, which else reports to Microsoft
