"""Stand-ins for the AWS services that no free emulator answers: Rekognition, SageMaker runtime, Bedrock runtime."""
