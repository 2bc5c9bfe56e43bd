"""The sections of the evidence document: values in, flowables out."""
