"""What Fauna took from its platform, the JVM: numbers, times, texts, regular expressions. Nothing here knows FQL."""
