// The page's style sheet: light and dark, wide and narrow, screen and paper.

/// CSS of the page.
enum ReportStyle {
    /// The style sheet.
    static let css = colors + layout + tables + plots + paper

    // Text on every ground has a contrast of at least 4.5. The heat map has one hue; in the dark its strong end is light.
    private static let colors = """
        :root{color-scheme:light dark;--ground:#fff;--panel:#f6f8fa;--ink:#1b1f24;--quiet:#57606a;--rule:#d8dee4;--link:#0a58b0;
        --curve:#0a66c2;--second:#b35900;--pick:#1a7f37;--pick-ground:#e6f4ea;--alert:#fff4e0;--alert-ink:#6b3a00;--alert-edge:#d08700;
        --h0:#f3f8fd;--h1:#dfecf8;--h2:#cbe0f3;--h3:#aed0ec;--h4:#8dbce2;--h5:#64a3d6;--h6:#2f78b7;--h7:#1a5f9e;--h8:#0b4679}
        @media (prefers-color-scheme:dark){:root{--ground:#0d1117;--panel:#161b22;--ink:#e6edf3;--quiet:#9aa4af;--rule:#30363d;--link:#79b8ff;
        --curve:#58a6ff;--second:#f0a45d;--pick:#3fb950;--pick-ground:#12261a;--alert:#2d2206;--alert-ink:#f2cc8f;--alert-edge:#bb8009;
        --h0:#141c26;--h1:#172737;--h2:#19344d;--h3:#1b4264;--h4:#1e527e;--h5:#24649b;--h6:#5fa3dc;--h7:#8fc1ec;--h8:#c3e0fa}}

        """

    private static let layout = """
        *{box-sizing:border-box}
        html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
        body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
        .skip{position:absolute;left:-9999px;top:0;background:var(--ground);color:var(--link);padding:.6rem 1rem;z-index:2}
        .skip:focus{left:.5rem}
        .top,main{max-width:62rem;margin:0 auto;padding:0 1.25rem}
        .top{display:flex;flex-wrap:wrap;align-items:baseline;gap:.2rem 1.5rem;padding-top:1rem;padding-bottom:.6rem}
        .brand{margin:0;font-weight:700}
        nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1rem;list-style:none;margin:0;padding:0;font-size:.9rem}
        a{color:var(--link)}
        nav a{text-decoration:none;display:inline-block;padding:.2rem 0}
        nav a:hover{text-decoration:underline}
        :focus-visible{outline:3px solid var(--curve);outline-offset:2px;border-radius:2px}
        section{margin:2.4rem 0;scroll-margin-top:1rem}
        h1{font-size:clamp(1.35rem,1rem + 1.9vw,1.9rem);line-height:1.25;margin:.1rem 0 .6rem;overflow-wrap:anywhere}
        h2{font-size:1.25rem;line-height:1.3;margin:0 0 .5rem}
        h3{font-size:1rem;margin:1.2rem 0 .3rem}
        p{margin:.5rem 0;max-width:46rem;overflow-wrap:anywhere}
        .hero{background:var(--panel);border:1px solid var(--rule);border-left:6px solid var(--pick);border-radius:8px;padding:1.1rem 1.3rem 1.3rem;margin-top:.4rem}
        .eyebrow{margin:0;font-size:.8rem;font-weight:700;letter-spacing:.06em;text-transform:uppercase;color:var(--pick)}
        .lead{font-size:1.08rem}
        .quiet,.kind,figcaption{color:var(--quiet);font-size:.9rem}
        .sure{border-top:1px solid var(--rule);margin-top:.8rem;padding-top:.3rem}
        .result{border-top:1px solid var(--rule);padding-top:.7rem;margin-top:.8rem}
        .next{margin:1rem 0 .2rem;font-weight:600}
        code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86rem;overflow-wrap:anywhere}
        .command{background:var(--ground);border:1px solid var(--rule);border-radius:6px;padding:.6rem .8rem;margin:.3rem 0;white-space:pre-wrap;user-select:all}
        .alert{background:var(--alert);color:var(--alert-ink);border-left:4px solid var(--alert-edge);border-radius:4px;padding:.5rem .8rem;max-width:none}
        .alert a{color:inherit}
        .facts{margin:.6rem 0;display:grid;gap:.25rem}
        .facts div{display:grid;grid-template-columns:9.5rem 1fr;gap:.2rem 1rem}
        dt{color:var(--quiet)}
        dd{margin:0;overflow-wrap:anywhere;min-width:0}
        details{margin:.8rem 0}
        summary{cursor:pointer;color:var(--link);padding:.25rem 0;overflow-wrap:anywhere}
        .warnings{list-style:none;padding:0;margin:0;display:grid;gap:.6rem}
        .warnings li{border-left:4px solid var(--rule);padding:.15rem 0 .15rem .8rem;max-width:50rem}
        .warnings .serious{border-color:var(--alert-edge);background:var(--alert);color:var(--alert-ink);padding:.5rem .8rem}
        .samples,.overlays{list-style:none;padding:0;margin:1rem 0;display:grid;gap:1.2rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr))}
        .overlays{grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr))}
        .key{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}
        .dot{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.4em}
        figure{margin:0}
        figcaption{overflow-wrap:anywhere}
        .triple{display:grid;grid-auto-flow:column;grid-auto-columns:1fr;gap:.4rem}
        .triple>span{display:block;min-width:0}
        .kind{display:block}
        img{display:block;width:100%;height:auto;border-radius:3px;background:#000}
        @media (max-width:34rem){.top,main{padding-left:.9rem;padding-right:.9rem}.hero{padding:.9rem}.facts div{grid-template-columns:1fr}.facts{gap:.6rem}}

        """

    private static let tables = """
        .scroll{overflow-x:auto;margin:.8rem 0}
        table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
        h3.caption{font-size:.95rem;font-weight:600;margin:1.2rem 0 0}.caption+.scroll{margin-top:.4rem}
        th,td{padding:.35rem .7rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
        thead th{color:var(--quiet);font-weight:600;white-space:nowrap}
        tbody th{font-weight:600}
        .number{text-align:right;white-space:nowrap}
        .numbers thead th:not(:first-child),.all thead th{text-align:right}
        .words-last thead th:last-child{text-align:left}
        .words-last td:last-child{min-width:11rem}.words-last thead th{white-space:normal}
        .label{white-space:nowrap}
        .pick-row{background:var(--pick-ground)}
        .tag{font-size:.78rem;font-weight:600;border:1px solid var(--pick);color:var(--pick);border-radius:1em;padding:0 .5em;white-space:nowrap}
        .heat td{text-align:right;min-width:5.2rem;border:2px solid var(--ground)}
        .heat th{border-bottom-color:transparent}
        .heat .aside{color:var(--quiet);font-style:italic}
        @media (max-width:34rem){.heat{font-size:.8rem}.heat td,.heat th{padding:.35rem .15rem}.heat td{min-width:3rem}th,td{padding:.35rem .5rem}}
        .h0{background:var(--h0)}.h1{background:var(--h1)}.h2{background:var(--h2)}.h3{background:var(--h3)}.h4{background:var(--h4)}
        .h5{background:var(--h5)}.h6{background:var(--h6)}.h7{background:var(--h7)}.h8{background:var(--h8)}
        .h0,.h1,.h2,.h3,.h4,.h5{color:#10151b}.h6,.h7,.h8{color:#fff}
        @media (prefers-color-scheme:dark){.h0,.h1,.h2,.h3,.h4,.h5{color:#eef4fa}.h6,.h7,.h8{color:#0b1118}}
        .scale{display:flex;align-items:center;gap:.6rem;font-size:.85rem;color:var(--quiet)}
        .swatches{display:flex}
        .swatches span{width:1.1rem;height:.8rem}

        """

    private static let plots = """
        .plot{margin:.8rem 0}
        .plot svg{display:block;width:100%;height:auto;font-size:13px}
        .plot .narrow{display:none}
        @media (max-width:34rem){.plot .wide{display:none}.plot .narrow{display:block}}
        svg text{fill:var(--ink)}svg .name{font-weight:600}svg .quiet,svg .tick{fill:var(--quiet)}svg .quiet{font-size:13px}svg .tick,svg .flag{font-size:12px}
        svg .grid{stroke:var(--rule)}svg .guide{stroke:var(--quiet);stroke-dasharray:2 4}
        svg .band{fill:var(--curve);fill-opacity:.18}
        svg .line{fill:none;stroke:var(--curve);stroke-width:2}svg .second{fill:none;stroke:var(--second);stroke-width:2;stroke-dasharray:6 3}
        svg .mark{fill:var(--ground);stroke:var(--curve);stroke-width:2}svg .tied{fill:var(--curve);stroke:var(--curve);stroke-width:2}
        svg .aside{fill:none;stroke:var(--quiet);stroke-width:2;stroke-dasharray:3 2}svg path.aside{stroke-dasharray:none}svg .pick{fill:var(--pick);stroke:var(--ground)}

        """

    private static let paper = """
        @media print{:root{--ground:#fff;--panel:#fff;--ink:#000;--quiet:#444;--link:#000;--rule:#bbb;--curve:#0a66c2;--second:#b35900;--pick:#1a7f37;
        --pick-ground:#eef6f0;--alert:#fff;--alert-ink:#000;--h0:#f3f8fd;--h1:#dfecf8;--h2:#cbe0f3;--h3:#aed0ec;--h4:#8dbce2;--h5:#64a3d6;--h6:#2f78b7;--h7:#1a5f9e;--h8:#0b4679}
        .h0,.h1,.h2,.h3,.h4,.h5{color:#10151b}.h6,.h7,.h8{color:#fff}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
        body{font-size:10.5pt}nav,.skip{display:none}.scroll{overflow:visible}section{margin:1.2rem 0}
        figure,tr,.warnings li,.hero{break-inside:avoid}h2,h3{break-after:avoid}.plot .wide{display:block}.plot .narrow{display:none}}
        @media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
        """
}
