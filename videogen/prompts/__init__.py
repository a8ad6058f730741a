"""What is sent for a shot: prompt, reference pictures, and the request as a whole."""
