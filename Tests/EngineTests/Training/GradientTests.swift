// Every operation's gradients against finite differences in double precision.

import Engine
import Formats
import Testing

@Suite struct GradientTests {
    private func check(_ item: GradientCase, _ training: ReferenceTraining = ReferenceTraining(), probes: Int = 12)
        throws
    {
        let errors = try GradientCheck(
            graph: item.graph, input: item.input, seed: item.seed, training: training, probes: probes
        ).errors()
        #expect(errors.byName.count > 1)
        #expect(errors.worst.error < 1e-4, "\(errors.worst.name)")
    }

    @Test(arguments: GradientCase.all) func gradientsAgreeWithFiniteDifferences(item: GradientCase) throws {
        try check(item)
    }

    @Test(arguments: GradientCase.winograd) func largeConvolutionsAgreeWithFiniteDifferences(item: GradientCase) throws
    {
        try check(item, probes: 3)
    }

    @Test(arguments: GradientCase.norms) func frozenNormalisationsAgreeWithFiniteDifferences(item: GradientCase) throws
    {
        try check(item, ReferenceTraining(frozenStatistics: ["n.running_mean"]))
    }

    @Test(arguments: [true, false]) func branchesDropTheImagesThatTheyAreTold(rescales: Bool) throws {
        let item = GradientCase("dropped branch", input: [3, 3, 5, 6], channels: 20) { graph, stem in
            let branch = graph.add(.activation(.tanh), stem, name: "tanh")
            let dropped = graph.add(.dropPath(Op.DropPath(rate: 0.3, rescales: rescales)), branch, name: "drop")
            return graph.add(.add, [stem, dropped], name: "sum")
        }
        try check(item, ReferenceTraining(keptBranches: ["drop": [true, false, true]]))
    }
}
