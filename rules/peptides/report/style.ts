/** The report's style sheet: light and dark, from 320 px to paper. No font, image or script from anywhere. */
import { darkFigureRules } from "./palette.ts";

export const STYLE = `
:root{color-scheme:light dark;--ink:#1c2733;--muted:#5a6673;--paper:#fff;--soft:#f4f6f8;--line:#dde3e8;--accent:#1f6f8b;--signal:#9a4606;--positive:#1d5fb4;--negative:#b3261e;--oily:#6b5a10}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e4e9ee;--muted:#9aa7b4;--paper:#161d24;--soft:#1e272f;--line:#33404b;--accent:#5cc0de;--signal:#f2a65a;--positive:#86b6f6;--negative:#f39a92;--oily:#d9c46a}
${darkFigureRules("svg.figure")}
}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header,footer{max-width:60rem;margin:0 auto;padding:0 1rem}
header{padding-top:2rem}
footer{padding-bottom:3rem;color:var(--muted);font-size:.875rem}
h1{font-size:clamp(1.5rem,5vw,2.1rem);line-height:1.2;margin:0 0 .35rem;text-wrap:balance}
h2{font-size:1.3rem;line-height:1.3;margin:2.75rem 0 .75rem;padding-top:.75rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.75rem 0 .35rem}
p,ul,dl{margin:.5rem 0 .9rem;max-width:46rem}
a{color:var(--accent)}
.muted{color:var(--muted)}
.predictions{list-style:none;padding:0;max-width:none}
.predictions li{border-top:1px solid var(--line);padding:.6rem 0}
.predictions p{margin:.15rem 0}
.verdict{display:inline-block;font-size:.8rem;border:1px solid currentColor;border-radius:1rem;padding:0 .6rem;color:var(--muted)}
.verdict.supported{color:var(--accent)}.verdict.contradicted{color:var(--signal)}
.finding{background:var(--soft);border-left:4px solid var(--accent);border-radius:0 .4rem .4rem 0;padding:.9rem 1.1rem;margin:1.25rem 0;max-width:none}
.finding h2{border:0;margin:0 0 .3rem;padding:0;font-size:1.1rem}
.finding p{margin:0;max-width:52rem}
dt{font-weight:600;margin-top:.5rem}
dd{margin:0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(7rem,1fr));gap:.75rem;margin:1rem 0;padding:0;list-style:none;max-width:none}
.facts li{border:1px solid var(--line);border-radius:.4rem;padding:.5rem .75rem}
.facts b{display:block;font-size:1.35rem;line-height:1.3;font-variant-numeric:tabular-nums}
.facts span{color:var(--muted);font-size:.85rem}
.scroll{position:relative;overflow-x:auto;margin:.5rem 0 1rem}
@media screen{.scroll{background:linear-gradient(90deg,var(--paper) 50%,transparent) left/2.5rem 100%,linear-gradient(270deg,var(--paper) 50%,transparent) right/2.5rem 100%,linear-gradient(90deg,var(--line),transparent) left/.9rem 100%,linear-gradient(270deg,var(--line),transparent) right/.9rem 100%;background-repeat:no-repeat;background-attachment:local,local,scroll,scroll}}
.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem;min-width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);padding-bottom:.4rem;font-size:.875rem;caption-side:top}
caption span{display:block;position:sticky;left:0;max-width:min(100vw - 2rem,46rem)}
th,td{text-align:left;vertical-align:top;padding:.4rem .9rem .4rem 0;border-bottom:1px solid var(--line)}
thead th{font-weight:600;color:var(--muted);white-space:nowrap;border-bottom-width:2px}
tbody th{font-weight:600;position:sticky;left:0;background:var(--paper);min-width:6.5rem}
td.n,th.n{text-align:right}
th.n:last-child,td.n:last-child{padding-right:0}
table.results,table.peptides{table-layout:fixed;min-width:max(100%,46rem)}
table.results thead th,table.peptides thead th{white-space:normal;vertical-align:bottom}
table.results thead th:nth-child(1){width:18%}table.results thead th:nth-child(2){width:14%}table.results thead th:nth-child(3){width:17%}table.results thead th:nth-child(4){width:9%}table.results thead th:nth-child(5){width:19%}table.results thead th:nth-child(7){width:6%}
table.peptides thead th:nth-child(1){width:14%}table.peptides thead th:nth-child(2){width:34%}
td .range{display:block;color:var(--muted);white-space:nowrap}
h1,p,dd,li,th,td,caption,figcaption{overflow-wrap:break-word}
.tag{display:inline-block;font-size:.75rem;font-weight:600;border:1px solid currentColor;border-radius:1rem;padding:0 .5rem;white-space:nowrap;color:var(--muted)}
.shown{color:var(--signal);font-weight:600}
.seq{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;font-size:.9rem;overflow-wrap:anywhere;min-width:11rem}
.seq .p{color:var(--positive)}.seq .m{color:var(--negative)}.seq .o{color:var(--oily)}
.legend .p{color:var(--positive)}.legend .m{color:var(--negative)}.legend .o{color:var(--oily)}
.figures{columns:24rem auto;column-gap:2rem}
figure{margin:0 0 1.75rem;break-inside:avoid}
figure h3{margin:.25rem 0}
figure svg{display:block;width:100%;max-width:28rem;height:auto}
figcaption{color:var(--muted);font-size:.875rem;margin-top:.25rem;max-width:34rem}
details{margin:1rem 0;border:1px solid var(--line);border-radius:.4rem;padding:.5rem .9rem}
summary{cursor:pointer;font-weight:600}
@media screen and (max-width:48rem){
.scroll{overflow:visible;background:none}
table,caption,tbody,tr,th,td{display:block}
table.plain,table.results,table.peptides{min-width:0}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tbody tr{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:.4rem .75rem;padding:.7rem 0;border-bottom:1px solid var(--line)}
tbody tr:first-child{border-top:2px solid var(--line)}
tbody th,tbody td,tbody td.n{position:static;padding:0;border:0;text-align:left;overflow-wrap:anywhere}
tbody td{grid-column:span 3}
tbody td.n{grid-column:span 2}
.results tbody td:nth-child(-n+5){grid-column:span 3}
.plain tbody tr{grid-template-columns:repeat(4,minmax(0,1fr))}
.plain tbody td{grid-column:span 2}
.plain tbody td.n{grid-column:span 1}
tbody tr>th,tbody tr>td.wide{grid-column:1/-1}
tbody td::before{content:attr(data-label);display:block;color:var(--muted);font-size:.78rem;line-height:1.35}
tbody td:empty{display:none}
}
@media print{
@page{margin:15mm}
:root{color-scheme:light}
html{font-size:10pt}
body{font-size:10pt}
main,header,footer{max-width:none;padding:0}
h2{margin-top:1.5rem}
h2,h3,caption,thead{break-after:avoid}
figure,tr,li,.finding{break-inside:avoid}
p{orphans:3;widows:3}
.scroll{overflow:visible}
table.results,table.peptides{min-width:0}
thead th{white-space:normal}
details{border:0;padding:0}
details>summary{list-style:none}
details::details-content{content-visibility:visible;block-size:auto}
}
`.trim();
