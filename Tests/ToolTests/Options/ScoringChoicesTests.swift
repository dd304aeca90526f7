// What the score's options mean, and what is said of those that mean nothing.

import Analyzer
import ArgumentParser
import Testing

@testable import Commands

@Suite struct ScoringChoiceTests {
    private func message(_ arguments: String...) -> String {
        do {
            _ = try ScoringChoices.parse(arguments)
            return "accepted"
        } catch {
            return ScoringChoices.message(for: error)
        }
    }

    @Test func withoutOptionsThePresetStands() throws {
        #expect(try ScoringChoices.parse([]).options == .ripe)
        #expect(try ScoringChoices.parse(["--preset", "paper"]).options == .paper)
    }

    @Test func thePapersPresetBringsItsRuleAndItsStochasticDepth() throws {
        let paper = try ScoringChoices.parse(["--preset", "paper"])
        #expect(paper.pickRule == .best)
        #expect(paper.architectureDefaults == ["stochastic_depth_rate": "0.1"])
        #expect(try ScoringChoices.parse(["--preset", "paper", "--rule", "guarded"]).pickRule == .guarded)
        #expect(try ScoringChoices.parse([]).pickRule == .guarded)
        #expect(try ScoringChoices.parse([]).architectureDefaults == [:])
    }

    @Test func tokensArePooledOverPositionsExceptByThePaper() throws {
        #expect(try ScoringChoices.parse([]).options.tokenPooling == .positions)
        #expect(try ScoringChoices.parse(["--preset", "paper"]).options.tokenPooling == .channels)
        let mixed = try ScoringChoices.parse(["--preset", "paper", "--token-pooling", "positions"]).options
        #expect(mixed.tokenPooling == .positions)
        #expect(mixed.cacheKey != ScoringOptions.paper.cacheKey)
        #expect(message("--token-pooling", "rows").contains("positions"))
    }

    @Test func givenViewsTakeNoOptionThatMakesViews() {
        func message(_ more: String...) -> String {
            do {
                _ = try ScoreOptions.parse(["runs", "--views", "v.npy"] + more)
                return "accepted"
            } catch {
                return ScoreOptions.message(for: error)
            }
        }
        #expect(message("--seed", "3") == "accepted")
        #expect(message("--draws", "8") == "--views are scored as they are; --draws belongs to --target")
        #expect(message("--jitter-per", "batch") == "--views are scored as they are; --jitter-per belongs to --target")
        #expect(message("--image-size", "64") == "--views are scored as they are; --image-size belongs to --target")
    }

    @Test func listsReplaceThePresetsAndKeepTheirOrder() throws {
        let grid = try ScoringChoices.parse([
            "--loss", "infonce,hinge", "--distance", "pearson,cosine", "--margin", "0,0.25", "--level", "1,-1",
            "--pooling", "pooled,flat", "--negatives", "all,paper", "--temperature", "0.2",
        ]).options.grid
        #expect(grid.losses == [.infonce(temperature: 0.2), .hinge(margin: 0), .hinge(margin: 0.25)])
        #expect(grid.distances == [.pearson, .cosine])
        #expect(grid.levels == .numbers([1, -1]))
        #expect(grid.poolings == [.pooled, .flat])
        #expect(grid.negatives == [.all, .paper])
    }

    @Test func aNegativeLevelIsNotTakenForAnOption() throws {
        #expect(try ScoringChoices.parse(["--level", "-2"]).options.grid.levels == .numbers([-2]))
        #expect(try ScoringChoices.parse(["--level", "all"]).options.grid.levels == .all)
    }

    @Test func drawsSeedAndScopeArePassedOn() throws {
        let options = try ScoringChoices.parse(["--draws", "7", "--seed", "9", "--jitter-per", "batch"]).options
        #expect(options.draws == 7)
        #expect(options.seed == 9)
        #expect(options.jitterScope == .batch)
    }

    @Test func whatMeansNothingIsRefusedWithTheWordsThatMeanSomething() {
        #expect(
            message("--distance", "cosine,l3")
                == "The value 'cosine,l3' is invalid for '--distance <distances>': expected cosine, l2, pearson, found 'l3'"
        )
        #expect(
            message("--preset", "best") == "The value 'best' is invalid for '--preset <preset>': expected ripe, paper")
        #expect(
            message("--margin", "0,x")
                == "The value '0,x' is invalid for '--margin <margins>': expected numbers such as 0,0.25,0.5, found 'x'"
        )
        #expect(message("--draws", "0") == "--draws must be from 1 to 10000")
        #expect(message("--temperature", "0") == "--temperature must be above 0")
        #expect(
            message("--loss", "infonce", "--margin", "0.5")
                == "--margin belongs to --loss hinge, which is not asked for")
        #expect(
            message("--loss", "infonce", "--negatives", "paper")
                == "--loss infonce needs --negatives all, and --negatives paper is asked for")
        #expect(
            message("--preset", "paper", "--loss", "hinge,infonce")
                == "--loss infonce needs --negatives all, and --preset paper takes those of the paper")
        #expect(message("--preset", "paper", "--loss", "infonce", "--negatives", "paper,all") == "accepted")
        #expect(
            message("--level", "0")
                == "The value '0' is invalid for '--level <levels>': expected 'all' or level numbers such as 4, -2 or 1,-1; "
                + "there is no level 0")
    }
}

@Suite struct CoreCounts {
    @Test func theAffinityMaskCounts() {
        #expect(Cores.allowedCount(status: "Name:\tripe\nCpus_allowed:\tf,0000000f\nCpus_allowed_list:\t0-3\n") == 8)
        #expect(Cores.allowedCount(status: "Name:\tripe\n") == nil)
    }

    @Test func aContainersQuotaIsRoundedUp() {
        #expect(Cores.quotaCount(quota: "150000 100000\n") == 2)
        #expect(Cores.quotaCount(quota: "max 100000\n") == nil)
    }
}
