/** The style of a report: light and dark, from a phone's width up. */
export const STYLE: string = `
:root{--bg:#fbfbfa;--fg:#1c1e21;--dim:#667077;--line:#dcdfe2;--card:#fff;--good:#0b7a3b;--bad:#c0262d;--warn:#8a6100;--wire:#2b62c9}
@media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e8eaec;--dim:#98a2aa;--line:#31373d;--card:#1c2024;--good:#56c98a;--bad:#ff7b80;--warn:#e5b84c;--wire:#86b0ff}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
header,main{max-width:76rem;margin:0 auto;padding:1rem}header{border-bottom:3px solid var(--good)}header.failed{border-color:var(--bad)}
h1{font-size:1.5rem;margin:.2rem 0;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:0 0 .6rem}header p{margin:.3rem 0;overflow-wrap:anywhere}
.badge{color:#fff;background:#0b7a3b;border-radius:.4rem;padding:.05em .5em}.failed .badge{background:#c0262d}.dim{color:var(--dim)}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:1rem 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}th{text-align:left;color:var(--dim);font-weight:600;font-size:.85rem}
td,th{padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}tbody tr:last-child td{border-bottom:0}
td code{overflow-wrap:anywhere}td:first-child{min-width:7rem}.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.wide{width:40%;min-width:8rem}
tr.proven b{color:var(--good)}tr.missing td,tr.contradicted b,tr.failed td:nth-child(2){color:var(--bad)}tr.unbacked b{color:var(--warn)}tr.passed td:nth-child(2){color:var(--good)}tr.not-reached{color:var(--dim)}
.bar{height:.8rem;margin-top:.3rem;border-radius:.2rem;background:var(--good);min-width:2px}.bar.failed{background:var(--bad)}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0 0 .8rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.4rem 0}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
details{border-bottom:1px solid var(--line);padding:.3rem 0}summary{cursor:pointer}a{color:var(--wire)}ul{margin:0;padding-left:1.2rem}
svg{display:block;font:12px system-ui,sans-serif;max-width:none}.life{stroke:var(--line);stroke-width:2}.node{font-weight:700;font-size:14px;fill:var(--fg)}
.frame{stroke:var(--wire);fill:none;stroke-width:1.5}.odd,.cross{stroke:var(--bad);fill:none;stroke-width:1.5}.odd{stroke-dasharray:5 3}.cross{stroke-width:2}
.label{fill:var(--fg);paint-order:stroke;stroke:var(--card);stroke-width:4px}.time,.how,.gap{fill:var(--dim);font-size:11px}
.claim{stroke:var(--good);stroke-dasharray:2 4}.claim.contradicted,.claim.missing{stroke:var(--bad)}.claim.unbacked{stroke:var(--warn)}
.marker{font-weight:600;fill:var(--good)}.marker.contradicted,.marker.missing{fill:var(--bad)}.marker.unbacked{fill:var(--warn)}
g:target .label{fill:var(--bad);font-weight:700}
@media(max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}header,main{padding:.7rem}section{padding:.7rem}h1{font-size:1.25rem}}
@media print{section{break-inside:avoid}}
`;
