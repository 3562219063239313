"""What the original took from its platform, the JVM: nothing here knows FQL."""
