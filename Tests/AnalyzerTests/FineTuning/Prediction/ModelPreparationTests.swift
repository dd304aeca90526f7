// The text that carries a model's preparation from training to prediction.

import Engine
import Formats
import TestSupport
import Testing

@testable import Analyzer

@Suite struct ModelPreparationTests {
    private func card(_ text: String) -> SegmentationCard {
        ThresholdModel.card(size: Size2(4), preparation: text)
    }

    @Test func everyChoiceSurvivesTheText() throws {
        for fit in ImagePreparation.Fit.allCases {
            for scheme in ["auto", "percentile:1.0,99.0", "window:-160.0,240.0", "zscore:3.0", "minmax", "none"] {
                var options = TargetOptions()
                options.preparation.fit = fit
                options.preparation.normalization = try Normalization(scheme)
                (options.preparation.height, options.preparation.width) = (96, 128)
                options.channels = [2]
                options.sliceAxis = .world(1)
                let preparation = ModelPreparation(options, imageChannels: 3)
                #expect(try ModelPreparation(card(preparation.text())) == preparation)
                let back = preparation.targetOptions(threads: 3)
                #expect(back.preparation == options.preparation)
                #expect(back.channels == [2] && back.sliceAxis == .world(1) && !back.dropsEmptySlices)
            }
        }
    }

    @Test func theTextIsAsDocumented() throws {
        #expect(
            try ModelPreparation(TargetOptions(), imageChannels: 1).text()
                == #"{"channels":[0],"fit":"stretch","height":224,"imageChannels":1,"normalization":"auto","#
                + #""schema":"ripe.preparation/1","sliceAxis":"auto","width":224}"#)
    }

    @Test(arguments: [
        ("", "the model does not say how its images were prepared; train it with `ripe finetune`"),
        ("{", "how the model's images were prepared cannot be read; the file is damaged"),
        (
            #"{"channels":[0],"fit":"stretch","height":9,"imageChannels":1,"normalization":"auto","schema":"ripe.preparation/2","sliceAxis":"auto","width":9}"#,
            "expected a preparation of ripe.preparation/1, found ripe.preparation/2; use a newer ripe"
        ),
        (
            #"{"channels":[0],"fit":"stretch","height":0,"imageChannels":1,"normalization":"auto","schema":"ripe.preparation/1","sliceAxis":"auto","width":9}"#,
            "how the model's images were prepared makes no sense; the file is damaged"
        ),
        (
            #"{"channels":[0,1],"fit":"stretch","height":9,"imageChannels":1,"normalization":"auto","schema":"ripe.preparation/1","sliceAxis":"auto","width":9}"#,
            "how the model's images were prepared makes no sense; the file is damaged"
        ),
    ])
    func aTextThatIsNoneIsRefused(text: String, message: String) {
        #expect(throws: AnalyzerError.engine(.noNetwork(reason: message))) { try ModelPreparation(card(text)) }
    }
}
