"""What errors say in Chinese: the code of a fault (:class:`fastnn.errors.Fault`), and the line with its fields."""

from __future__ import annotations

LINES = {
    # data folders
    "folder.missing": "数据文件夹“{folder}”不存在",
    "folder.file": "“{folder}”是文件, 不是数据文件夹",
    "folder.empty": "在“{root}”里没有找到图片: 图片要放成“{root}/<类别>/<图片>”",
    "class.empty": "类别 {name!r} 里没有图片: {folder}。请放入图片, 或移走这个文件夹",
    "folder.idx": "{folder} 里是 IDX 文件, 不是一个类别的图片: 数据文件夹请直接写 {folder}",
    "class.unknown": "测试数据里有训练数据没有的类别 {name!r} (序号 {index}), 标签会错位: 两边的类别文件夹必须一样",
    "class.missing": "测试数据里缺少训练数据有的类别 {name!r}, 标签会错位: 两边的类别文件夹必须一样",
    "model.classes": "网络认识的类别是 {known}, 数据里的类别是 {found}, 标签会错位: 请用训练时的类别, 或另一个模型",
    # images
    "image.truncated": "图片 {path} 不完整, 只有 {size:,} 字节: 请删除它",
    "image.unreadable": "无法读取图片 {path} ({reason}): 请删除它",
    "image.foreign": "{path} 不是图片: 文件开头是 {start}",
    "image.large": "{path} 声称有 {width} x {height} = {pixels:,} 个像素, 上限是 {limit:,}: 请缩小或去掉这张图片",
    "images.sizes": "图片大小不一致: {sizes}。请使用 {advice}",
    "images.unusable": "{total:,} 张图片中有 {count:,} 张不能用: 请删除它们, 或使用 {advice}",
    "images.none": "在“{folder}”里没有图片",
    "images.numbers": "{total:,} 张图片中有 {count:,} 张的文件名不以编号结尾 (如 12.jpg), 第一张是 {path}",
    "images.twice": "{first} 和 {second} 的编号相同 ({id}): 请去掉其中一张",
    # IDX files
    "idx.foreign": "{path} 不是 IDX 文件: 文件开头是 {start}",
    "idx.truncated": "{path} 不完整: 文件头说有 {shape} = {claimed:,} 字节, 实际只有 {present:,} 字节。请重新下载",
    "idx.pair": "{x_path} 有 {images:,} 张图片, 而 {y_path} 有 {labels:,} 个标签: 它们是一套的吗?",
    "idx.label": "第 {sample:,} 个样本的标签 {label} 超出了 0..{last}",
    "data.missing": "没有找到 {name}, fastnn 不会自动下载: 请把上面列出的文件放到所说的文件夹",
    "mnist.missing": "没有找到 MNIST, fastnn 不会自动下载: 请把上面列出的文件放到所说的文件夹",
    "name.absent": "{module} 里没有 {name}: python -m fastnn.run --list 列出所有的名字",
    # labels and numbers
    "labels.range": "第 {sample} 个样本的标签 {label} 超出了 0..{last}",
    "labels.dtype": "标签必须是整数 (int64), 得到的是 {got}: 要类别序号 (labels.long()), 不是 one-hot 或概率",
    "numbers.dtype": "需要数字, 得到的是 {got} 数组",
    "values.finite": (
        "{name} 里有 {count} 个 NaN 或无穷大, 第一个在样本 {sample} 的第 {feature} 个特征 ({value}): 请去掉或修正"
    ),
    "loss.finite": (
        "第 {epoch} 轮第 {step} 步的损失变成了 {loss:g}, 训练已停止: 请用比 {lr:g} 更小的学习率, 或检查这些样本"
    ),
    "parameter.finite": "参数“{name}”里有 {count:,} 个 NaN 或无穷大: 请用更小的学习率",
    # shapes and types
    "arch.features": (
        "第一层 {layer} 收到 {features} 个特征: 图片是 {image} 的。请使用 --arch {arch}, 或 --resize 宽x高"
    ),
    "linear.features": "权重有 {inputs} 个输入, 而每个样本有 {features} 个特征: 请改层的大小或输入的大小",
    "linear.memory": "Linear({inputs} -> {outputs}) 需要 {pebibytes:.3g} PiB 内存: 请检查层的大小",
    "layer.shape": "层“{layer}”({kind}) 的输入形状应是 {wanted}, 而 x 的形状是 {shape}",
    "array.expected": "需要数字数组, 得到的是 {got}",
    "array.readonly": "{name} 是只读的: 请传入可写的数组 (copy())",
    "out.overlap": "out 与输入共用内存: 请给它单独的数组",
    "samples.differ": "x 有 {x} 个样本, y 有 {y} 个: 两者必须一样多",
    "batch.none": "数据集有 {samples} 个样本, batch_size 是 {batch_size}, 又开了 drop_last: 一个批次也没有",
    "count.range": "{name} 是 {value}: 必须是不小于 {least} 的整数",
    "data.empty": "数据是空的: 没有可以学习的样本",
    # images and their layers
    "window.large": (
        "卷积核或池化窗口有 {rows} x {columns} 个像素, 比 {height} x {width} 的图片 (加上填充) 还大: "
        "请用更小的核、更多的填充或更大的图片"
    ),
    "conv2d.rank": "图片的形状应是 (N, C, H, W), 得到的是 {shape}: 请用 view(-1, 通道, 高, 宽) 变形",
    "conv2d.channels": (
        "应有 {expected} 个通道, 得到 {got} 个 (x 的形状是 {shape}): 请检查图片是灰度还是彩色, 通道是不是在第二维"
    ),
    "image.dtype": "图片必须是浮点数 (float32), 得到的是 {got}: 请用 x.float() / 255, ToTensor() 也是这样做的",
    "conv1d.channels": "应有 {expected} 个通道 (倒数第二维), 得到 {got} 个: x 的形状是 {shape}, 序列应是 (N, C, L)",
    "sequence.rank": "序列的形状应是 (N, C, L) 或 (C, L), 得到的是 {shape}",
    "conv2d.groups": "{groups} 组不能整除 {channels} 个输入通道和 {outputs} 个输出通道",
    "conv2d.memory": "形状为 {shape} 的卷积权重需要 {pebibytes:.3g} PiB 内存: 请检查层的大小",
    "result.memory": "形状为 {shape} 的结果需要 {pebibytes:.3g} PiB 内存: 请检查大小",
    "input.array": "{layer_kind} 的输入应是张量, 得到的是 {got}: 请先用 fastnn.from_numpy(x) 或 fastnn.tensor(x) 转换",
    "input.none": "{layer_kind} 的输入应是张量, 得到的是 None: 是不是 forward() 忘了写 return?",
    "input.tensors": (
        "{layer_kind} 的输入应是一个张量, 得到的是装着张量的 {got}: 列表可用 fastnn.stack(x) 合成一个, "
        "加载器给出的 (x, y) 要先拆开: for x, y in loader"
    ),
    "input.module": "{layer_kind} 的输入应是张量, 得到的是模型 {got}: 请先调用模型, output = model(x)",
    "input.picture": "{layer_kind} 的输入应是张量, 得到的是 {got}: 图片请先用 ToTensor()(picture).unsqueeze(0) 转换",
    "input.dtype": "输入是 {given}, {kind} 的参数是 {own}: 请用 x.{call}()",
    "module.init": "{kind} 没有调用 super().__init__(): 请把它写在 {kind}.__init__ 的第一行",
    "module.made": "nn.{kind}(...) 只是创建, 不接受张量: 请先创建再调用, nn.{kind}()({given})",
    "module.kind": "{kind} 的第 {name} 项是 {got}, 不是层: 类要加括号 nn.ReLU(), 列表要展开 nn.Sequential(*layers)",
    "module.forward": "{kind} 没有 forward(): 请在里面写出要算什么 (名字有没有拼错?)",
    "argument.unknown": "没有名为 {name} 的参数",
    "name.unknown": "没有 {name} 这个名字",
    "dimension.range": "张量只有 {rank} 维, 没有第 {dim} 维: 可以是 {first} 到 {last}",
    "shapes.broadcast": "形状 {first} 和 {second} 不能一起运算: 各维要相同, 或其中一个是 1",
    "targets.shape": "{loss} 不接受形状为 {shape} 的目标",
    "object.class": "{path} 里有 {kind} 的对象, 而这个程序没有这个类: 请先定义或导入它, 或只保存 model.state_dict()",
    "batch.shapes": "一个批次的样本形状必须相同: 第 0 个是 {first}, 第 {place} 个是 {shape}。大小不同的图片请先 Resize",
    "file.missing": "没有文件 {path}: 请检查名字和所在的文件夹",
    "operand.text": '张量不能与字符串相加: 请写 f"loss: {{loss.item()}}", 或 print("loss:", loss)',
    "operand.none": "张量不能与 None 运算: 是不是得到它的函数忘了写 return?",
    "operand.kind": "张量不能与 {got} 运算: 请先用 fastnn.tensor(...) 转换",
    "reshape.size": "形状 {shape} 有 {count} 个元素, 不能变成 {wanted}",
    "matmul.shapes": "矩阵乘法: 第一个 {first} 的最后一维必须等于第二个 {second} 的倒数第二维",
    "cat.shapes": "cat: 第 {number} 个张量的形状是 {shape}, 第 0 个是 {first}: 只有第 {dim} 维可以不同",
    "tensor.item": "item() 只用于一个元素的张量, 这个的形状是 {shape}: 请先 mean() 或 sum()",
    "tensor.truth": "含多个元素的张量不能直接当真假判断: 请用 .any() 或 .all()",
    "tensor.numpy": "需要梯度的张量不能直接变成 NumPy 数组: 请用 tensor.detach().numpy()",
    "tensor.gradient": "只有浮点张量能求梯度, 这个是 {got}: 请先 .float()",
    "tensor.inplace": "不能原地修改需要梯度的张量: 请算出新的 (x = x * 2), 或放在 no_grad() 里",
    "device.cuda": "fastnn 在 CPU 上计算, 没有 CUDA: 请用 device 'cpu', 每台机器的结果都一样",
    "batch_norm.channels": "x 有 {channels} 个通道, 批归一化的权重和统计量也要有这么多个值",
    "batch_norm.values": "批归一化训练时每个通道要有不止一个值, x 的形状是 {shape}: 请用更大的批, 或先 eval()",
    "batch_norm.rank": "批归一化层不接受形状为 {shape} 的输入",
    "batch_norm.features": "批归一化层有 {features} 个特征, 而 x 的第二维是 {got}",
    # files of models
    "state.differs": "这份参数与模型 {model} 不相符 (缺少、多余或形状不同的有 {names}): 请用保存时的大小建立模型",
    "state.path": "load_state_dict 要的是参数, 不是文件名: 请写 load_state_dict(fastnn.load({path}))",
    "state.kind": "load_state_dict 要的是按名字存放的参数 (model.state_dict()), 得到的是 {got}",
    "save.path": 'save 要写明存什么和存到哪里: fastnn.save(model.state_dict(), "model.pth")',
    "save.swapped": 'save 的文件名放在第二位: fastnn.save(model.state_dict(), "model.pth")',
    "file.code": (
        "{path} 里有 Python 对象 (第一个: {first}), 不只是张量; fastnn 从不执行文件里的代码。"
        "请在可信的机器上用 torch.save(model.state_dict(), ...) 重新保存"
    ),
    "file.empty": "{path} 是空文件 (0 字节)",
    "file.truncated": "{path} 不完整",
    "file.damaged": "{what} 已损坏",
    "model.ending": "{option} {path} 的扩展名不对: 模型要存成 .pth 或 .safetensors",
    "file.unsaved": "无法保存 {path}: {reason}",
    "tensor.damaged": "{path}: 张量 {tensor} 已损坏 (校验和不符)",
    "memory.full": "内存不足: 请减小网络或批大小",
    # training
    "optimizer.model": "优化器要的是参数, 得到的是模型 {got}: 请传入 model.parameters()",
    "optimizer.function": "优化器要的是参数, 得到的是函数: 调用时要加括号, model.parameters()",
    "optimizer.tensor": "优化器要的是参数的列表, 得到的是一个张量: 请放进列表",
    "number.kind": "{name} 应是数字, 得到的是 {got}",
    "loss.swapped": "损失函数的两个参数写反了: 输出在前, 标签在后, criterion(outputs, labels)",
    "loss.shapes": "输出的形状是 {output}, 目标的形状是 {target}: 两者必须相同",
    "loss.probabilities": (
        "输出的范围是 {low} 到 {high}, 应是 0 到 1 的概率: 请先 sigmoid(), 或改用 BCEWithLogitsLoss"
    ),
    "labels.count": "输出有 {rows} 个样本, 标签有 {labels} 个: 两者必须一样多",
    "labels.rank": "标签应是一维的类别序号, 得到的形状是 {shape}",
    "optimizer.empty": "优化器没有得到参数: 请传入 model.parameters(), 并把各层赋值为模型的属性",
    "backward.shape": "backward() 需要标量, 这个张量的形状是 {shape}: 请先 .mean() 或 .sum()",
    "backward.detached": (
        "对不需要梯度的张量调用了 backward(): 它不依赖任何参数 (是在 no_grad() 里算的, 还是 detach() 过?)"
    ),
    "backward.twice": "对同一计算图第二次调用 backward(): 请重新计算损失, 或第一次用 retain_graph=True",
    "backward.changed": (
        "backward() 需要的张量之后被原地修改了 (optimizer.step() 或 += 之类): 请重新计算损失, 或先 clone()"
    ),
    "model.uncompiled": "模型“{model}”还没有编译: 请先调用 compile(optimizer, loss)",
    "model.loss": "模型“{model}”没有损失函数: 请在 compile 里指定 loss",
}

# The same where an error has fields that not all of its code have: the first whose fields are all there.
FULLER = {
    "argument.unknown": (LINES["argument.unknown"] + ": 是不是 {meant}?",),
    "name.unknown": (LINES["name.unknown"] + ": 是不是 {known}?",),
    "targets.shape": (
        LINES["targets.shape"] + ": 请用 {make} 转换, 或改用 {other}",
        LINES["targets.shape"] + ": 请改用 {other}",
        LINES["targets.shape"] + ": 最后一层是不是应有 {units} 个输出?",
    ),
    "file.unsaved": ("无法保存 {path}: 没有文件夹 {folder}, 请先创建",),
    "layer.shape": (
        LINES["layer.shape"] + ": 请用 {how}",
        LINES["layer.shape"] + ": 请换数据, 或给第一层写 input_shape={own}",
    ),
    "folder.missing": ("数据文件夹“{folder}”不存在 (是不是“{meant}”?)",),
    "folder.empty": ("“{root}”的 {classes} 个类别文件夹里没有图片: 图片要放成“{root}/<类别>/<图片>”",),
    "image.truncated": ("图片 {path} 不完整, 只有 {size:,} 字节 (应至少有 {claimed:,} 字节): 请删除它",),
    "labels.range": ("第 {sample} 个样本的标签 {label} 超出了 0..{last}: 最后一层只有 {outputs} 个输出",),
    "loss.shapes": (LINES["loss.shapes"] + ": 请用 {how}",),
    "labels.rank": (LINES["labels.rank"] + ": 请用 labels.{how}",),
    "reshape.size": (LINES["reshape.size"] + ": 每个样本一行请用 view(-1, {rows}) 或 flatten(1)",),
    "linear.features": (
        "权重有 {inputs} 个输入, 得到的形状是 {given}: 请在它前面加 nn.Flatten(), 每个样本就有 {flat} 个特征",
        "权重有 {inputs} 个输入, 得到的是没有批次维的一个样本: 请用 {single}",
        "权重有 {inputs} 个输入, 而每个样本有 {features} 个特征: "
        "请改成 Linear({features}, {outputs}), 或先用 view(-1, {whole})",
        "权重有 {inputs} 个输入, 而每个样本有 {features} 个特征: 请改成 Linear({features}, {outputs})",
    ),
}

# Forms that messages without a code share: the first that fits.
FORMS = {
    r".+, a class: call it, (.+)": "得到的是类, 要加括号创建对象: {0}",
    r"model '(.+)' does not know its input shape.*": "模型“{0}”不知道输入的形状: 请给第一层写 input_shape",
    r".*channels are missing.*, (input_shape=.+)": "图片缺少通道: 请用 x[..., None], {0}",
    r".* size (.+) is larger than the inputs (.+): .*": "窗口 {0} 比输入 {1} 大: 请用 padding='same', 或减少池化层",
    r".*labels run from (.+) to (.+), outside (.+)": "标签从 {0} 到 {1}, 超出了 {2}: 应从 0 开始, 小于类别数",
    r"fit and evaluate need targets.*": "还要给出标签: fit(x, y)",
    r"module '(fastnn.*)' has no attribute '(\w+)'.*": "{0} 没有 {1}: 名字有没有拼错?",
    r".*got an unexpected keyword argument '(\w+)'.*": "没有名为 {0} 的参数: 名字有没有拼错?",
    r"invalid choice: (\S+) \(choose from (.+?)\).*": "没有 {0} 这个选择, 可以是 {1}",
    r"expected (?:one|\d) arguments?": "后面要写一个值",
    r"(\S+) is not (an? .+)": "{0} 不是 {1}",
    r"(\S+) is too \w+; it must be (.+)": "{0} 必须是 {1}",
    r"(.+?) is (.+); it must be (.+)": "{0} 是 {1}: 必须是 {2}",
    r"(.+?) (?:must be|takes) (.+), got ([^;]+).*": "{0} 应是 {1}, 得到的是 {2}",
    r"(.+?) must be (.+)": "{0} 必须是 {1}",
}
# What is often said in these.
WORDS = {
    r"^an integer of at least (\S+)$": r"不小于 \1 的整数",
    r"^at least (\S+)(?: and finite)?$": r"不小于 \1 的数",
    r"^at least (\S+) and (?:less than|below) (\S+)$": r"不小于 \1 且小于 \2 的数",
    r"^less than (\S+)$": r"小于 \1 的数",
    r"^an? (?:integer|whole number)$": "整数",
    r"^layers of (\S+)$": r"\1 的层",
    r"\ban? (?:pair )?(?=[(\w])": "",
    r"^between (\S+) and ([^ ,]+)": r"\1 到 \2 之间",
    r", such as ": ", 如 ",
    r" or (?=[('\w])": " 或 ",
}
