import com.ibm.icu.lang.UCharacter;
import com.ibm.icu.lang.UCharacterCategory;
import com.ibm.icu.lang.UProperty;
import com.ibm.icu.text.CollationElementIterator;
import com.ibm.icu.text.Collator;
import com.ibm.icu.text.Normalizer2;
import com.ibm.icu.text.RuleBasedCollator;
import com.ibm.icu.text.UnicodeSet;
import com.ibm.icu.util.ULocale;
import java.io.PrintStream;

/**
 * Prints the collation elements of the CLDR root collation, one entry a line: {@code 6c+b7;40000505 fb05 94c0}
 * (code points in hex, joined by +; then the 32-bit halves of the elements as ICU's iterator gives them).
 * Characters that NFD takes apart, unassigned and private ones have no line.
 */
public class DumpWeights {
  private static final RuleBasedCollator ROOT = (RuleBasedCollator) Collator.getInstance(ULocale.ROOT);

  private static String elements(String text) {
    CollationElementIterator iterator = ROOT.getCollationElementIterator(text);
    StringBuilder line = new StringBuilder();
    for (int e = iterator.next(); e != CollationElementIterator.NULLORDER; e = iterator.next()) {
      line.append(line.length() == 0 ? "" : " ").append(Integer.toHexString(e));
    }
    return line.toString();
  }

  private static void print(PrintStream out, String text) {
    StringBuilder name = new StringBuilder();
    text.codePoints().forEach(c -> name.append(name.length() == 0 ? "" : "+").append(Integer.toHexString(c)));
    out.println(name + ";" + elements(text));
  }

  private static boolean listed(int c, Normalizer2 nfd) {
    return (c < 0xD800 || c > 0xDFFF)
        && UCharacter.isDefined(c)
        && UCharacter.getType(c) != UCharacterCategory.PRIVATE_USE
        && nfd.getDecomposition(c) == null;
  }

  public static void main(String[] arguments) throws Exception {
    Normalizer2 nfd = Normalizer2.getNFDInstance();
    try (PrintStream out = new PrintStream("weights.txt", "UTF-8");
        PrintStream han = new PrintStream("han.txt", "UTF-8")) {
      for (int c = 0; c <= 0x10FFFF; c++) {
        if (listed(c, nfd)) {
          boolean ideograph = UCharacter.hasBinaryProperty(c, UProperty.UNIFIED_IDEOGRAPH);
          print(ideograph ? han : out, new String(Character.toChars(c)));
        }
      }
      UnicodeSet contractions = new UnicodeSet();
      ROOT.getContractionsAndExpansions(contractions, new UnicodeSet(), true);
      for (String contraction : contractions) {
        print(out, contraction);
      }
    }
  }
}
