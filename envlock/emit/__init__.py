"""Files for other tools, from a lock: from value to text, nothing else."""
