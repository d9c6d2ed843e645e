//! Whatever the text is, reading it ends, and ends in a configuration or in an error.
