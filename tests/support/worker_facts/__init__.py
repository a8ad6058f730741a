"""An application for the settings of a test: every worker writes down what its process is like when
it begins. Nobody else can tell, because workers run no tasks but ours."""
