/** Colours are never the only sign: each state of a day has a shape of its own, and words wherever it is named. */
export const style = `
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1b1f24;--quiet:#5b6470;--line:#dfe3e8;--well:#1a7f4b;--soft:#7fc8a0;--ill:#c0272d;--warn:#b26a00;--blue:#2563a8;--empty:#d9dee4;--code:#eef1f4}
@media (prefers-color-scheme:dark){:root{--ground:#12161b;--card:#1b2129;--ink:#e6eaef;--quiet:#9aa6b3;--line:#2c343e;--well:#3fbf7f;--soft:#2b7a53;--ill:#ff6b6b;--warn:#f0b04a;--blue:#7db4f0;--empty:#333c47;--code:#262e38}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:24px 20px 48px;background:var(--ground);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
h1{font-size:24px;margin:0}h2{font-size:17px;margin:0;overflow-wrap:anywhere}h3{font-size:14px;margin:14px 0 4px}
p,ul,dl,dd{margin:0}.quiet{color:var(--quiet)}a{color:var(--blue)}
code{font:13px ui-monospace,Menlo,Consolas,monospace;background:var(--code);padding:1px 4px;border-radius:4px;overflow-wrap:anywhere}
pre{margin:4px 0 0;overflow-x:auto}pre code{display:inline-block;padding:8px 10px;overflow-wrap:normal;white-space:pre}
:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.figures{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 16px;min-width:130px}
.figures dt{color:var(--quiet);font-size:13px}.figures dd{font-size:20px;font-weight:600;font-variant-numeric:tabular-nums}
.is-well dd{color:var(--well)}.figures .is-ill dd{color:var(--ill)}
.notice{margin-top:10px;padding:8px 12px;border:1px solid var(--warn);border-radius:8px;width:fit-content}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:4px 16px;margin:0 0 14px;font-size:13px;color:var(--quiet)}
.legend li{display:flex;align-items:center;gap:6px}
.job{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--well);border-radius:10px;padding:14px 16px;margin:0 0 12px}
.job.is-ill{border-left-color:var(--ill)}
.row{display:grid;grid-template-columns:minmax(140px,1fr) auto 430px;gap:8px 28px;align-items:start}
.verdict{color:var(--well)}.is-ill .verdict{color:var(--ill)}
.days{display:flex;gap:2px;height:24px}.ends{display:flex;justify-content:space-between;font-size:11px;margin-top:2px}
.day{display:inline-block;flex:none;width:6px;height:24px;border-radius:2px;background:var(--empty)}
.legend .day,.run .day{height:14px}
a.day:hover{outline:2px solid var(--ink)}
.proved{background:var(--well)}
.good{background:var(--soft)}
.narrowed{background:linear-gradient(var(--empty) 35%,var(--soft) 35% 65%,var(--empty) 65%)}
.running{background:linear-gradient(var(--empty) 60%,var(--blue) 60%)}
.unverified{background:repeating-linear-gradient(var(--warn) 0 2px,var(--empty) 2px 4px)}
.partial{background:linear-gradient(var(--empty) 45%,var(--warn) 45%)}
.failed{background:linear-gradient(var(--ill) 42%,var(--card) 42% 58%,var(--ill) 58%)}
.missed{background:transparent;border:2px solid var(--ill)}
.none{background:linear-gradient(transparent 44%,var(--empty) 44% 56%,transparent 56%)}
.facts{display:grid;grid-template-columns:236px 1fr;gap:4px 16px;font-variant-numeric:tabular-nums}
.facts dt{color:var(--quiet);font-size:12px}.facts dd{font-size:14px;white-space:nowrap}
.bar{display:block;width:100%;max-width:180px;height:4px;margin-top:3px}.room{fill:var(--empty)}.used{fill:var(--well)}.is-ill .used{fill:var(--ill)}
.spark{width:64px;height:18px;vertical-align:middle;margin-right:6px}.spark polyline{fill:none;stroke:var(--blue);stroke-width:1.5}.spark circle{fill:var(--blue)}
.problems,.notices{padding:0;list-style:none;margin-top:10px}.problems li{margin-top:4px;overflow-wrap:anywhere}.problems code{color:var(--ill)}
.notices li{color:var(--quiet);overflow-wrap:anywhere}
details{margin-top:10px}summary{cursor:pointer;color:var(--quiet);font-size:13px;width:fit-content}
details>p,details>ul{margin-top:6px;overflow-wrap:anywhere}details ul{padding-left:20px}
.scroll{max-height:320px;overflow:auto;margin-top:12px;border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:4px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{position:sticky;top:0;background:var(--card);color:var(--quiet);font-weight:500}tbody th{font-weight:400}
.run{display:none}.run:target{display:block;position:relative;margin-top:12px;padding:12px 14px;border:1px solid var(--line);border-radius:8px;background:var(--ground);scroll-margin:40vh}
.run h3{margin:0 60px 6px 0;font-size:15px;display:flex;gap:8px;align-items:center}.run p{margin-top:6px;overflow-wrap:anywhere}.close{position:absolute;top:12px;right:14px}
footer{margin-top:24px;font-size:13px}
@media (max-width:1120px){.row{grid-template-columns:1fr 1fr}.strip{grid-column:1/-1;grid-row:2}}
@media (max-width:640px){body{padding:16px 12px}.figures{gap:8px}.figures div{min-width:0;padding:10px 12px}.row{grid-template-columns:minmax(0,1fr)}.strip{grid-row:auto}.days .day:nth-child(-n+30){display:none}.days .day{flex:1}.ends span:first-child{visibility:hidden}.facts{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}.facts dd{white-space:normal}.figures div{flex:1 1 auto}}
@media print{.run{display:none}}
`;
