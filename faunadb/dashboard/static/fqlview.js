// A stored lambda as FQL text, in the preferred style.

import { Editor } from "./editor.js";
import { useTexts } from "./fqltext.js";
import { preferences } from "./preferences.js";
import { CopyButton, Problem, StyleChoice } from "./ui.js";
import { html, useMemo, useState } from "./vendor/view.js";

export function FqlView({ stored, label }) {
  const all = useMemo(() => [stored], [stored]);
  const { value: texts, error } = useTexts(all);
  const [style, setStyle] = useState(preferences.style);
  if (error) return html`<${Problem} error=${error} />`;
  if (!texts) return null;
  const choose = (value) => { preferences.style = value; setStyle(value); };
  return html`<div class="fql"><div class="row"><span class="grow"></span><${StyleChoice} style=${style} onChange=${choose} id=${`view-${label}`} /><${CopyButton} text=${texts[0][style]} /></div>
    <${Editor} value=${texts[0][style]} language=${style} readOnly=${true} label=${label} lines=${false} /></div>`;
}
