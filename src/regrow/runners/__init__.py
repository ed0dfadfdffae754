"""Operations taken to where pictures are: files, objects in memory, clips, batches."""
