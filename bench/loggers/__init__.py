"""Where runs tell how they go: CSV files, TensorBoard, Weights & Biases, MLflow."""
