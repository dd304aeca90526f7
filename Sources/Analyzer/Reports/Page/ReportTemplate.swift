// The page's frame and its parts about the choice. Two braces insert text, escaped; three insert markup that we made.

/// The templates by name.
enum ReportTemplate {
    /// All templates.
    static var all: [(name: String, text: String)] {
        [
            ("page", page), ("recommendation", recommendation), ("curve", curve), ("rules", rules),
            ("heat", heat), ("heatMap", heatMap), ("warnings", warnings), ("facts", facts), ("picture", picture),
            ("samples", samples), ("tuning", tuning), ("overlays", overlays), ("provenance", provenance),
        ]
    }

    private static let page = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{{title}}</title>
        <link rel="icon" href="data:,">
        <style>
        {{{style}}}
        </style>
        </head>
        <body>
        <a class="skip" href="#main">Skip to the report</a>
        <header class="top">
        <p class="brand">Ripe report</p>
        <nav aria-label="Parts of the report"><ul>{{#nav}}<li><a href="#{{id}}">{{name}}</a></li>{{/nav}}</ul></nav>
        </header>
        <main id="main">
        {{> recommendation}}
        {{> curve}}
        {{> rules}}
        {{> heat}}
        {{> warnings}}
        {{> samples}}
        {{> tuning}}
        {{> overlays}}
        {{> provenance}}
        </main>
        </body>
        </html>

        """

    private static let recommendation = """
        <section id="recommendation" class="hero" aria-labelledby="headline">
        {{#recommendation}}
        <p class="eyebrow">Recommendation</p>
        <h1 id="headline">{{head}}</h1>
        {{#rest}}<p class="lead">{{rest}}</p>{{/rest}}
        <div class="sure">
        <p><strong>{{verdict}}.</strong> {{certainty}}</p>
        <p class="quiet">{{caveat}}</p>
        </div>
        {{#serious}}<p class="alert"><strong>{{serious}}</strong> about these scores: <a href="#warnings">read it before you rely on them</a>.</p>{{/serious}}
        {{#path}}<dl class="facts"><div><dt>File to use</dt><dd><code>{{path}}</code></dd></div></dl>{{/path}}
        {{#tuningHead}}<p class="result"><strong>After fine-tuning.</strong> {{sentence}}</p>{{#mismatch}}<p class="alert">{{mismatch}}</p>{{/mismatch}}{{/tuningHead}}
        {{#command}}<p class="next">Next: {{title}}</p>
        <pre class="command" tabindex="0"><code>{{text}}</code></pre>{{/command}}
        {{/recommendation}}
        {{^recommendation}}
        {{#tuningHead}}
        <p class="eyebrow">Fine-tuning</p>
        <h1 id="headline">{{sentence}}</h1>
        {{#command}}<p class="next">Next: segment images with the result</p>
        <pre class="command" tabindex="0"><code>{{command}}</code></pre>{{/command}}
        {{/tuningHead}}
        {{/recommendation}}
        {{#notes}}
        <div id="notes" class="alert"><p><strong>Part of the folder could not be read:</strong></p><ul>{{#list}}<li>{{.}}</li>{{/list}}</ul></div>
        {{/notes}}
        </section>
        """

    private static let curve = """
        {{#curve}}
        <section id="curve" aria-labelledby="curve-heading">
        <h2 id="curve-heading">Score by checkpoint</h2>
        <p>The score says how much closer, to the encoder, two views of an image are than views of different images; lower is better. {{meaning}} The band is the noise of the images on each score alone; differences between checkpoints are surer than it looks, for all see the same images.</p>
        <figure class="plot"><div class="wide">{{{wide}}}</div><div class="narrow">{{{narrow}}}</div></figure>
        {{/curve}}
        {{#table}}
        <details id="checkpoints"><summary>The same as a table</summary>
        <div class="scroll" tabindex="0" role="region" aria-label="Scores of all checkpoints"><table class="numbers words-last">
        <thead><tr>{{#header}}<th scope="col">{{.}}</th>{{/header}}</tr></thead>
        <tbody>
        {{#rows}}<tr{{#isPick}} class="pick-row"{{/isPick}}><th scope="row" title="{{title}}">{{name}}</th>{{#cells}}<td class="number">{{.}}</td>{{/cells}}<td>{{standing}}</td></tr>
        {{/rows}}
        </tbody></table></div>
        </details>
        </section>
        {{/table}}
        """

    private static let rules = """
        {{#curve}}
        <section id="rules" aria-labelledby="rules-heading">
        <h2 id="rules-heading">What each rule would take</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="Rules and baselines"><table>
        <thead><tr><th scope="col">Rule or baseline</th><th scope="col">Takes</th><th scope="col">Meaning</th></tr></thead>
        <tbody>
        {{#rules}}<tr{{#isUsed}} class="pick-row"{{/isUsed}}><th scope="row">{{name}}{{#isUsed}} <span class="tag">in use</span>{{/isUsed}}</th><td class="label">{{pick}}</td><td>{{meaning}}</td></tr>
        {{/rules}}
        </tbody></table></div>
        {{#order}}<p class="quiet">{{order}}</p>{{/order}}
        </section>
        {{/curve}}
        """

    private static let heat = """
        {{#heat}}
        <section id="heat-map" aria-labelledby="heat-heading">
        <h2 id="heat-heading">Scores by level</h2>
        <p>Level 1 is the shallowest of the encoder. The stronger the colour, the lower (better) the score among the checkpoints of its column, however small the difference: for how much is noise, see the curve.</p>
        <p class="scale" aria-hidden="true"><span>highest</span><span class="swatches">{{#scale}}<span class="{{shade}}"></span>{{/scale}}</span><span>lowest, best</span></p>
        {{#maps}}
        {{> heatMap}}
        {{/maps}}
        {{#isPart}}<p class="quiet">These are the levels that were asked for; “ripe score --level all” computes every one.</p>{{/isPart}}
        {{#others}}
        <details><summary>{{count}}, which do not decide</summary>
        {{#maps}}
        {{> heatMap}}
        {{/maps}}
        {{#leftOut}}<p>{{leftOut}}</p>{{/leftOut}}
        </details>
        {{/others}}
        </section>
        {{/heat}}
        """

    private static let heatMap = """
        <h3 class="caption">{{title}}</h3>
        <div class="scroll" tabindex="0" role="region" aria-label="{{title}}"><table class="heat numbers">
        <thead><tr><th scope="col">Checkpoint</th>{{#levels}}<th scope="col">{{.}}</th>{{/levels}}</tr></thead>
        <tbody>
        {{#rows}}<tr><th scope="row">{{label}}</th>{{#cells}}<td class="{{shade}}" title="{{title}}">{{text}}</td>{{/cells}}</tr>
        {{/rows}}
        </tbody></table></div>
        """

    private static let warnings = """
        {{#warnings}}
        <section id="warnings" aria-labelledby="warnings-heading">
        <h2 id="warnings-heading">Before you rely on it</h2>
        <ul class="warnings">
        {{#list}}<li class="{{#isSerious}}serious{{/isSerious}}{{^isSerious}}remark{{/isSerious}}"><strong>{{#isSerious}}⚠ Serious:{{/isSerious}}{{^isSerious}}Remark:{{/isSerious}}</strong> {{message}}</li>
        {{/list}}
        </ul>
        </section>
        {{/warnings}}
        {{#excluded}}
        <section id="excluded" aria-labelledby="excluded-heading">
        <h2 id="excluded-heading">Files that could not be scored</h2>
        <ul>
        {{#list}}<li><code title="{{path}}">{{name}}</code>: {{reason}}</li>
        {{/list}}
        </ul>
        </section>
        {{/excluded}}
        """
}
