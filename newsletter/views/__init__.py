"""The doors that a browser knocks on: one file for each kind of visitor."""
