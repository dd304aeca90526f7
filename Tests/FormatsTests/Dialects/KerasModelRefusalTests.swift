// What generated Keras models refuse, and the one layer that they have beside Keras' own.

import Testing

@testable import Formats

@Suite("Keras models from odd sizes")
struct KerasModelRefusalTests {
    private func fault(_ make: () throws(FormatError) -> KerasModelDescription) -> String? {
        do throws(FormatError) {
            _ = try make()
            return nil
        } catch { return error.description }
    }

    @Test("Groups that do not divide the channels are named with the layer")
    func groupsMustDivide() {
        var sizes = KerasResNetSizes()
        sizes.groups = 48
        let message = fault { () throws(FormatError) in try KerasModels.resNet(sizes, path: "w.pt") }
        #expect(message?.contains("Conv2D 'conv2_block1_2_conv'") == true, "\(message ?? "none")")
        #expect(message?.hasPrefix("w.pt: Keras model 'resnet50'") == true, "\(message ?? "none")")
    }

    @Test("A dense head on free sizes is refused, since its first layer would have no shape")
    func denseHeadNeedsSizes() {
        var sizes = KerasVGGSizes()
        sizes.input = KerasInputShape()
        sizes.head = KerasHead()
        let message = fault { () throws(FormatError) in try KerasModels.vgg(sizes, path: "w.pt") }
        #expect(message?.contains("Flatten 'flatten'") == true, "\(message ?? "none")")
        #expect(message?.contains("free×free×512") == true, "\(message ?? "none")")
    }

    @Test("An image that shrinks to nothing is refused", arguments: [1, 31])
    func imageTooSmall(side: Int) {
        var sizes = KerasVGGSizes()
        sizes.input = KerasInputShape(size: side)
        let message = fault { () throws(FormatError) in try KerasModels.vgg(sizes, path: "w.pt") }
        #expect(message?.contains("MaxPooling2D 'block") == true, "\(message ?? "none")")
    }

    @Test("Sizes that no network has are refused, not computed with", arguments: [0, -1, Int.max, Int.min])
    func senselessNumbers(number: Int) {
        var resNet = KerasResNetSizes()
        resNet.stemWidth = number
        #expect(fault { () throws(FormatError) in try KerasModels.resNet(resNet, path: "w.pt") } != nil)
        var input = KerasResNetSizes()
        input.input = KerasInputShape(size: number)
        #expect(fault { () throws(FormatError) in try KerasModels.resNet(input, path: "w.pt") } != nil)
        var convNeXt = KerasConvNeXtSizes()
        convNeXt.widths = [number, 192, 384, 768]
        #expect(fault { () throws(FormatError) in try KerasModels.convNeXt(convNeXt, path: "w.pt") } != nil)
        let block = KerasEfficientNetSizes.Block(kernel: number, stride: 2, expanded: 96, squeezed: 4, output: 24)
        let efficientNet = KerasEfficientNetSizes(stages: [[block]])
        #expect(fault { () throws(FormatError) in try KerasModels.efficientNet(efficientNet, path: "w.pt") } != nil)
    }

    @Test("Stages without widths and stages of more blocks than letters are refused")
    func stagesMustFit() {
        var resNet = KerasResNetSizes()
        resNet.innerWidths = [64]
        #expect(fault { () throws(FormatError) in try KerasModels.resNet(resNet, path: "w.pt") } != nil)
        let block = KerasEfficientNetSizes.Block(kernel: 3, stride: 1, expanded: 32, squeezed: 8, output: 32)
        var efficientNet = KerasEfficientNetSizes(stages: [[KerasEfficientNetSizes.Block](repeating: block, count: 27)])
        #expect(fault { () throws(FormatError) in try KerasModels.efficientNet(efficientNet, path: "w.pt") } != nil)
        efficientNet.stages = [[KerasEfficientNetSizes.Block](repeating: block, count: 26)]
        #expect(fault { () throws(FormatError) in try KerasModels.efficientNet(efficientNet, path: "w.pt") } == nil)
    }

    @Test("Moving the stride to the 3×3 convolution adds padding and leaves the places of weights as they are")
    func paddingMovesNoWeights() throws {
        var sizes = KerasResNetSizes()
        let first = try KerasModels.resNet(sizes, path: "w.pt")
        sizes.stridesFirst = false
        let second = try KerasModels.resNet(sizes, path: "w.pt")
        let added = Set(second.layers.map(\.name)).subtracting(first.layers.map(\.name))
        #expect(added == ["conv3_block1_2_pad", "conv4_block1_2_pad", "conv5_block1_2_pad"])
        #expect(
            first.variableTable.filter { !$0.variables.isEmpty }
                == second.variableTable.filter { !$0.variables.isEmpty })
    }
}
