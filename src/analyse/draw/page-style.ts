/** The page's style: readable on paper, in light and in dark; no font, picture or script is loaded from anywhere. */
export const pageStyle = `
:root { color-scheme: light dark; --page: #fbfbfa; --card: #fff; --text: #1c2430; --soft: #5b6675; --rule: #d9dde3;
  --good: #2f7d4f; --late: #b7791f; --bad: #b83232; --calm: #2f5f9e; }
@media (prefers-color-scheme: dark) { :root { --page: #14181e; --card: #1c222b; --text: #e4e8ee; --soft: #9aa5b4; --rule: #343d4a;
  --good: #5fb985; --late: #e0a94a; --bad: #ec7171; --calm: #75a7e8; } }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 0 0 .6rem; } p { margin: .2rem 0; } .soft { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 1rem; margin-top: 1.2rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem; margin: 0; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--text); }
svg .axis { fill: var(--soft); } .grid { stroke: var(--rule); stroke-width: 1; }
.good { fill: var(--good); } .late { fill: var(--late); } .bad { fill: var(--bad); } .calm { fill: var(--calm); }
.line { fill: none; stroke-width: 2; stroke-linecap: round; } .line.good { stroke: var(--good); } .line.calm { stroke: var(--calm); }
.line.late { stroke: var(--late); } .line.bad { stroke: var(--bad); }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .35em 0 .9em; }
.key.good { background: var(--good); } .key.late { background: var(--late); } .key.bad { background: var(--bad); }
.key.calm { background: var(--calm); }
details { margin-top: .8rem; } summary { cursor: pointer; color: var(--soft); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .88rem; margin-top: .5rem; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--rule); font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
@media print { body { max-width: none; } section { break-inside: avoid; } details:not([open]) > :not(summary) { display: block; } }
`;
