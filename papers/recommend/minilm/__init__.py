"""all-MiniLM-L6-v2 (Reimers and Gurevych, EMNLP 2019), computed with numpy.

A runtime such as onnxruntime unpacks the int8 weights into 200 MB of each process; here they stay
in the file that all processes map.
"""
