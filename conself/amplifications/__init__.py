"""Further inputs for a problem's programs, made from its original inputs, without oracle or model."""
