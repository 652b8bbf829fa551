"""Generations in Milvus, for a library that several servers share or one machine cannot hold."""
