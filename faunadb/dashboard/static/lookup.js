// Looking things up in an index, with a field for each of its terms.

import { query } from "./api.js";
import { get, paginate, quote, variable } from "./fql.js";
import { typed } from "./filters.js";
import { parse, stringify } from "./json.js";
import { preferences } from "./preferences.js";
import { change, parseHash } from "./route.js";
import { fieldText, refOfEntry, termsOf, valuesOf } from "./schema.js";
import { Busy, Button, CopyButton, Empty, Fql, Problem, useLoaded } from "./ui.js";
import { Table } from "./values.js";
import { html, useEffect, useMemo, useState } from "./vendor/view.js";

const read = (address, count) => (address.get("terms") === null ? Array(count).fill("") : JSON.parse(address.get("terms")));

async function matchQuery(index, texts) {
  const terms = await Promise.all(texts.map(typed));
  return { match: { index: index.name }, ...(terms.length ? { terms: terms.length === 1 ? terms[0] : terms } : {}) };
}

export function Lookup({ index }) {
  const { query: address } = parseHash();
  const terms = termsOf(index);
  const given = useMemo(() => read(address, terms.length), [address.get("terms")]);
  const [texts, setTexts] = useState(given);
  useEffect(() => setTexts(given), [given]);
  const asked = terms.length === 0 || address.get("terms") !== null;
  const asDocuments = address.get("documents") === "1" && refOfEntry(index, "") !== null;
  const cursor = ["after", "before"].filter((side) => address.get(side)).map((side) => ({ [side]: quote(parse(address.get(side))) }))[0] ?? {};
  const size = Number(address.get("size")) || preferences.size;
  const { value: found, error, again } = useLoaded(async (signal) => {
    if (!asked) return null;
    const page = paginate(await matchQuery(index, given), { size, ...cursor });
    const wire = asDocuments ? { map: { lambda: "e", expr: get(refOfEntry(index, variable("e"))) }, collection: page } : page;
    return { wire, ...(await query(wire, { signal })) };
  }, [index.name, index.active, address.toString()]);
  const submit = (event) => { event.preventDefault(); change({ terms: JSON.stringify(texts), after: undefined, before: undefined }); };
  const page = found?.value;
  const columns = page && !asDocuments ? entryColumns(index, page.data) : undefined;
  return html`<section aria-label="Look up">
    <h3>${terms.length ? "Look up" : "Entries"}</h3>
    <form class="toolbar" onsubmit=${submit}>
      ${terms.map((term, place) => html`<div class="term"><label for=${`term-${place}`}>${fieldText(term)}</label>
        <input id=${`term-${place}`} value=${texts[place] ?? ""} spellcheck="false" placeholder="fire, 7, Ref(…)" oninput=${(event) => setTexts(texts.map((text, each) => (each === place ? event.target.value : text)))} /></div>`)}
      ${terms.length > 0 && html`<${Button} type="submit" kind="primary">Look up<//>`}
      ${refOfEntry(index, "") !== null && html`<label class="choice"><input type="checkbox" checked=${asDocuments} onchange=${() => change({ documents: asDocuments ? undefined : "1", after: undefined, before: undefined })} />whole documents</label>`}
    </form>
    ${error ? html`<${Problem} error=${error} what="read this index" again=${again} />`
      : !asked ? html`<p class="soft">Give ${terms.length === 1 ? "a value for the term" : "a value for each term"}: a text, a number, or any FQL.</p>`
      : !found ? html`<${Busy} />`
      : !page.data.length ? html`<${Empty} title="The index has no entries there."><p>Texts and numbers are not the same: write "7" for the text.</p><//>`
      : html`<${Table} rows=${page.data} columns=${columns?.paths} head=${columns?.head} label=${`Entries of ${index.name}`} />`}
    ${page && html`<div class="toolbar pages">
      <${Button} disabled=${page.before === undefined} data-key="p" onclick=${() => change({ before: stringify(page.before), after: undefined })}>← Previous<//>
      <${Button} disabled=${page.after === undefined} data-key="n" onclick=${() => change({ after: stringify(page.after), before: undefined })}>Next →<//>
      <span class="grow"></span><span class="soft">${page.data.length} entries · ${found.metrics.ms} ms · ${found.metrics.reads} read ops</span>
      <${CopyButton} text=${() => stringify(page.data, 2)} label="Copy JSON" /></div>
    <${Fql} wire=${found.wire} title="The query" />`}
  </section>`;
}

// Entries with several values are arrays: a column for each.
function entryColumns(index, entries) {
  const values = valuesOf(index);
  if (values.length < 2) return { paths: [[]], head: { "": values.length ? fieldText(values[0]) : "ref" } };
  return { paths: values.map((_, place) => [place]), head: Object.fromEntries(values.map((value, place) => [place, fieldText(value)])) };
}
