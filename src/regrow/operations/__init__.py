"""What is done to a picture: plans made from its header; no files, no clips, no arrays in memory."""
