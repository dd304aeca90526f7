// The page's parts about images, fine-tuning and provenance.

extension ReportTemplate {
    static let facts = """
        <dl class="facts">{{#facts}}<div><dt>{{key}}</dt><dd>{{value}}</dd></div>{{/facts}}</dl>
        """

    static let picture = """
        <img src="{{{address}}}" alt="{{words}}" width="{{width}}" height="{{height}}">
        """

    static let samples = """
        {{#samples}}
        <section id="samples" aria-labelledby="samples-heading">
        <h2 id="samples-heading">Sample images with their views</h2>
        {{#areGiven}}<p>Two of the views that were given, for some images. A good encoder takes both views of an image for the same thing.</p>{{/areGiven}}
        {{^areGiven}}<p>What the networks were shown, before each one’s own normalisation: the image, and two copies with randomly changed brightness, contrast and colour. A good encoder takes both views for the same thing and tells them from other images. Odd pictures here (cropped, too dark, all one grey) make every score doubtful.</p>{{/areGiven}}
        <ul class="samples">
        {{#images}}<li><figure><div class="triple">{{#pictures}}<span>{{#image}}{{> picture}}{{/image}}<span class="kind">{{kind}}</span></span>{{/pictures}}</div><figcaption>{{name}}</figcaption></figure></li>
        {{/images}}
        </ul>
        </section>
        {{/samples}}
        """

    static let tuning = """
        {{#tuning}}
        {{#curves}}
        <section id="learning-curves" aria-labelledby="learning-heading">
        <h2 id="learning-heading">How the fine-tuning went</h2>
        {{> facts}}
        {{#list}}
        {{#title}}<h3>{{title}}</h3>{{/title}}
        <p>{{summary}}</p>
        <figure class="plot"><div class="wide">{{{wide}}}</div><div class="narrow">{{{narrow}}}</div></figure>
        {{#table}}
        <details><summary>The same as a table</summary>
        <div class="scroll" tabindex="0" role="region" aria-label="Epochs"><table class="numbers all">
        <thead><tr>{{#header}}<th scope="col">{{.}}</th>{{/header}}</tr></thead>
        <tbody>
        {{#rows}}<tr>{{#cells}}<td class="number">{{.}}</td>{{/cells}}</tr>
        {{/rows}}
        </tbody></table></div>
        </details>
        {{/table}}
        {{/list}}
        </section>
        {{/curves}}
        {{#metrics}}
        <section id="metrics" aria-labelledby="metrics-heading">
        <h2 id="metrics-heading">Measures of the fine-tuned network</h2>
        <p>Over all pixels of the set taken together; distances, and the last column, are means over the cases. The background is left out of all means, and so is whatever is undefined (–), such as a distance where a class is absent.</p>
        {{#tables}}
        <h3 class="caption">{{title}}</h3>
        <div class="scroll" tabindex="0" role="region" aria-label="{{title}}"><table class="numbers">
        <thead><tr><th scope="col">Measure</th>{{#header}}<th scope="col">{{.}}</th>{{/header}}</tr></thead>
        <tbody>
        {{#rows}}<tr><th scope="row" title="{{better}}">{{name}}</th>{{#cells}}<td class="number">{{.}}</td>{{/cells}}</tr>
        {{/rows}}
        </tbody></table></div>
        {{#cases}}
        <details><summary>Dice of each case: {{title}}</summary>
        <div class="scroll" tabindex="0" role="region" aria-label="Dice of each case"><table class="numbers">
        <thead><tr><th scope="col">Case</th>{{#header}}<th scope="col">{{.}}</th>{{/header}}</tr></thead>
        <tbody>
        {{#rows}}<tr><th scope="row">{{name}}</th>{{#cells}}<td class="number">{{.}}</td>{{/cells}}</tr>
        {{/rows}}
        </tbody></table></div>
        </details>
        {{/cases}}
        {{/tables}}
        {{#settings}}
        <details><summary>Settings of the training</summary>
        {{> facts}}
        </details>
        {{/settings}}
        </section>
        {{/metrics}}
        {{/tuning}}
        """

    static let overlays = """
        {{#overlays}}
        <section id="overlays" aria-labelledby="overlays-heading">
        <h2 id="overlays-heading">Truth and prediction</h2>
        <p>On the left of each picture the true masks, on the right what the fine-tuned network predicts, in the same colours.</p>
        <p class="key">{{#key}}<span><span class="dot" style="background:{{color}}"></span>{{name}}</span>{{/key}}</p>
        <ul class="overlays">
        {{#images}}<li><figure>{{#image}}{{> picture}}{{/image}}<figcaption>{{name}}</figcaption></figure></li>
        {{/images}}
        </ul>
        </section>
        {{/overlays}}
        """

    static let provenance = """
        <section id="provenance" aria-labelledby="provenance-heading">
        <h2 id="provenance-heading">How it was made</h2>
        {{#commands}}{{#list}}
        <pre class="command" tabindex="0"><code>{{line}}</code></pre>
        {{> facts}}
        {{/list}}{{/commands}}
        {{^commands}}<p>The folder has no run.json, which would name command, versions, time and machine.</p>{{/commands}}
        {{#target}}
        <h3>Images</h3>
        {{> facts}}
        {{/target}}
        {{#scoreSettings}}
        <details><summary>Settings of the score</summary>
        {{> facts}}
        </details>
        {{/scoreSettings}}
        {{#files}}
        <details id="hashes"><summary>Checkpoint files and their hashes</summary>
        <div class="scroll" tabindex="0" role="region" aria-label="Checkpoint files"><table>
        <thead><tr><th scope="col">Checkpoint</th><th scope="col">File</th><th scope="col">Hash (XXH3-128)</th><th scope="col">Network</th></tr></thead>
        <tbody>
        {{#list}}<tr><th scope="row">{{label}}</th><td><code>{{path}}</code></td><td><code>{{hash}}</code></td><td>{{network}}</td></tr>
        {{/list}}
        </tbody></table></div>
        </details>
        {{/files}}
        <p class="quiet">scores.csv, cases.csv and history.csv beside this page hold all numbers; report.json holds those shown here.</p>
        </section>
        """
}
