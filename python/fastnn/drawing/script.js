// The sheet and what is shown beside it. Strokes are kept as points, so that they can be undone, shown as sharp as the
// screen is, and given to the network as large as it looks at.
"use strict";
(() => {
  const WORDS = {
    en: {
      draw: "Draw here", undo: "Undo", clear: "Clear", pen: "Pen", colour: "Colour",
      keys: "Keyboard: arrow keys move the pen (with Shift by less), Space lowers and lifts it, Delete clears, "
        + "Ctrl+Z takes a stroke back.",
      says: "What it says", sees: "What it sees", inside: "What goes on inside",
      scale: "Each square is a unit, each picture a map: red is positive, blue negative, grey zero; the strongest "
        + "colours stand for the number beside the name.",
      empty: "Nothing is drawn yet.", unlike: "This looks unlike the images that it was trained on.",
      said: (name, value) => `${name}, ${value}`, down: "pen down", up: "pen up",
      size: (width, height, colour) => `${width} × ${height} pixels, ${colour ? "in colour" : "grey"}`,
      units: (count, shown) => count === shown ? `${count} units` : `${shown} of ${count} units`,
      token: "This address lacks the part behind the #: open the one that fastnn draw printed.",
      gone: "fastnn draw does not answer: is it still running?",
      failed: "The network failed on this picture; what it raised is where fastnn draw runs.",
    },
    zh: {
      draw: "在这里画", undo: "撤销", clear: "清空", pen: "笔粗", colour: "颜色",
      keys: "键盘: 方向键移动画笔 (按住 Shift 走得更慢), 空格键落笔或抬笔, Delete 清空, Ctrl+Z 撤销一笔。",
      says: "网络的判断", sees: "网络看到的", inside: "网络内部",
      scale: "每个方格是一个单元, 每张小图是一张特征图: 红色为正, 蓝色为负, 灰色为零; 最深的颜色对应名称旁边的数值。",
      empty: "还没有画。", unlike: "这张图与训练用的图片不像。",
      said: (name, value) => `${name}, ${value}`, down: "落笔", up: "抬笔",
      size: (width, height, colour) => `${width} × ${height} 像素, ${colour ? "彩色" : "灰度"}`,
      units: (count, shown) => count === shown ? `${count} 个单元` : `${count} 个单元中的 ${shown} 个`,
      token: "地址缺少 # 后面的部分: 请打开 fastnn draw 给出的完整地址。",
      gone: "fastnn draw 没有回答: 它还在运行吗?",
      failed: "网络处理这张图时出错; 错误信息在运行 fastnn draw 的地方。",
    },
  };
  const MOST_CLASSES = 12; // more are shown by their values
  const STEP = 10, SMALL_STEP = 2; // of an arrow key, in pixels of the sheet
  const $ = (id) => document.getElementById(id);
  const sheet = $("sheet"), pen = $("pen"), colour = $("colour");
  const own = (navigator.languages || []).map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in WORDS);
  let words = WORDS[own || "en"];
  let model, small; // what the server told, and the sheet as large as the network looks at it
  let strokes = [], open = null; // {colour, points: [[x, y, width], ...]}; the one that a pointer draws
  let cursor = null, down = false; // the keyboard's pen
  let rows = [];

  async function ask(path, body) {
    const answer = await fetch(path, {
      method: "POST", body, headers: { "X-Fastnn-Token": location.hash.slice(1), "Content-Type": "application/octet-stream" },
    });
    if (!answer.ok) throw Object.assign(new Error(answer.statusText), { status: answer.status });
    return answer.json();
  }

  function trouble(error) {
    const word = !error ? "" : error.status === 403 ? "token" : error.status === 500 ? "failed" : "gone";
    const text = words[word] || "";
    if ($("trouble").textContent !== text) $("trouble").textContent = text;
    $("trouble").hidden = !error;
  }

  // Drawing

  function paint(context, scale) {
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = model.light ? "#fff" : "#000";
    context.fillRect(0, 0, model.width, model.height);
    context.lineCap = context.lineJoin = "round";
    for (const { colour, points } of strokes) {
      context.strokeStyle = colour;
      points.forEach(([x, y, width], i) => {
        const [fromX, fromY] = points[Math.max(0, i - 1)];
        context.lineWidth = width;
        context.beginPath();
        context.moveTo(fromX, fromY);
        context.lineTo(i ? x : x + 0.01, y); // a line of no length would not be drawn
        context.stroke();
      });
    }
  }

  function redraw() {
    const scale = sheet.width / model.width, context = sheet.getContext("2d");
    paint(context, scale);
    if (cursor && document.activeElement === sheet) {
      context.lineWidth = 2;
      context.strokeStyle = "#e8590c";
      context.beginPath();
      context.arc(cursor[0], cursor[1], Math.max(4, pen.value / 2), 0, 2 * Math.PI);
      if (down) { context.fillStyle = "#e8590c"; context.fill(); }
      context.stroke();
    }
    $("undo").disabled = $("clear").disabled = !strokes.length;
  }

  function changed() {
    redraw();
    look();
  }

  function resize() {
    const ratio = window.devicePixelRatio || 1;
    sheet.width = Math.max(1, Math.round(sheet.clientWidth * ratio));
    sheet.height = Math.round(sheet.width * model.height / model.width);
    redraw();
  }

  function point(event) {
    const box = sheet.getBoundingClientRect();
    const scale = model.width / sheet.clientWidth;
    const pressed = event.pointerType === "pen" && event.pressure ? 0.5 + event.pressure : 1;
    return [
      (event.clientX - box.left - sheet.clientLeft) * scale, (event.clientY - box.top - sheet.clientTop) * scale,
      pen.value * pressed,
    ];
  }

  sheet.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    sheet.setPointerCapture(event.pointerId);
    cursor = null;
    down = false;
    open = { colour: colour.value, points: [point(event)] };
    strokes.push(open);
    changed();
  });
  sheet.addEventListener("pointermove", (event) => {
    if (!open || !event.isPrimary) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const each of events.length ? events : [event]) open.points.push(point(each));
    changed();
  });
  for (const name of ["pointerup", "pointercancel"]) sheet.addEventListener(name, () => { open = null; });

  function undo() {
    strokes.pop();
    open = null;
    down = false;
    changed();
  }

  function clear() {
    strokes = [];
    open = null;
    down = false;
    changed();
  }

  $("undo").addEventListener("click", undo);
  $("clear").addEventListener("click", clear);
  pen.addEventListener("input", redraw);
  window.addEventListener("resize", () => model && resize());
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && strokes.length) {
      event.preventDefault();
      undo();
    }
  });

  sheet.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!move && ![" ", "Delete", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    cursor = cursor || [model.width / 2, model.height / 2];
    if (move) {
      const step = event.shiftKey ? SMALL_STEP : STEP;
      cursor = cursor.map((place, i) => Math.min([model.width, model.height][i], Math.max(0, place + step * move[i])));
      if (down) strokes[strokes.length - 1].points.push([...cursor, Number(pen.value)]);
    } else if (event.key === " ") {
      down = !down;
      say(words[down ? "down" : "up"]);
      if (down) strokes.push({ colour: colour.value, points: [[...cursor, Number(pen.value)]] });
    } else {
      clear();
    }
    changed();
  });
  sheet.addEventListener("focus", () => {
    if (sheet.matches(":focus-visible")) cursor = cursor || [model.width / 2, model.height / 2];
    redraw();
  });
  sheet.addEventListener("blur", () => {
    down = false;
    redraw();
  });

  // Asking the network: one question at a time, the last picture always

  let asking = false, stale = false;
  async function look() {
    if (asking) { stale = true; return; }
    asking = true;
    do {
      stale = false;
      try {
        show(await ask("/see", pixels()), !strokes.length);
        trouble(null);
      } catch (error) {
        trouble(error);
      }
    } while (stale);
    asking = false;
  }

  function pixels() {
    const context = small.getContext("2d", { willReadFrequently: true });
    paint(context, 1);
    const { data } = context.getImageData(0, 0, model.width, model.height);
    const sent = new Uint8Array(model.width * model.height * model.channels);
    for (let i = 0; i < model.width * model.height; i++)
      for (let c = 0; c < model.channels; c++) sent[model.channels * i + c] = data[4 * i + c];
    return sent;
  }

  // What it said

  let saying = 0;
  function say(text) { // once it has been so for a moment
    clearTimeout(saying);
    saying = setTimeout(() => { $("said").textContent = text; }, 600);
  }

  const written = (value) => value === null ? "–"
    : model.numbers ? String(Number(value.toPrecision(4))) : `${(100 * value).toFixed(1)} %`;

  function show(answer, empty) {
    const { values, best } = answer;
    const named = (i) => model.classes[i] ?? String(i + 1);
    const text = model.classes.length ? named(best) : values.map(written).join(", ");
    $("best").textContent = empty ? words.empty : text;
    $("best").classList.toggle("empty", empty);
    $("unlike").hidden = empty || !answer.unlike;
    let order = values.map((_, i) => i);
    if (values.length > MOST_CLASSES) order = order.sort((a, b) => values[b] - values[a]).slice(0, MOST_CLASSES);
    while (rows.length < order.length) rows.push(row());
    order.forEach((i, place) => {
      const { item, name, bar, value } = rows[place];
      name.textContent = name.title = named(i);
      bar.hidden = model.numbers;
      bar.style.setProperty("--share", `${empty ? 0 : 100 * values[i]}%`);
      value.textContent = empty ? "–" : written(values[i]);
      item.classList.toggle("best", !empty && i === best && model.classes.length > 0);
    });
    showSeen(answer.seen);
    showLayers(answer.layers);
    const share = model.classes.length ? written(values[best]) : "";
    say(empty ? words.empty : words.said(text, share) + ($("unlike").hidden ? "" : `. ${words.unlike}`));
  }

  function row() {
    const [item, name, bar, value] = ["li", "span", "i", "span"].map((tag) => document.createElement(tag));
    item.append(name, bar, value);
    $("classes").append(item);
    return { item, name, bar, value };
  }

  const bytes = (text, Kind) => Kind.from(atob(text), (letter) => letter.charCodeAt(0));

  function showSeen({ shape: [channels, height, width], pixels }) {
    const found = bytes(pixels, Uint8Array), plane = width * height, image = new ImageData(width, height);
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = found[channels === 3 ? c * plane + i : i];
      image.data[4 * i + 3] = 255;
    }
    const canvas = $("seen");
    [canvas.width, canvas.height] = [width, height];
    canvas.getContext("2d").putImageData(image, 0, 0);
    canvas.setAttribute("aria-label", words.sees);
    $("size").textContent = words.size(width, height, channels === 3);
  }

  function showLayers(layers) {
    const box = $("layers");
    $("hidden").hidden = !layers.length;
    while (box.children.length > layers.length) box.lastChild.remove();
    while (box.children.length < layers.length) {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      caption.append(document.createElement("b"), document.createElement("span"));
      figure.append(caption, document.createElement("canvas"));
      box.append(figure);
    }
    layers.forEach((layer, i) => {
      const [caption, canvas] = box.children[i].children;
      caption.children[0].textContent = layer.name;
      const strongest = Number(layer.strongest.toPrecision(3));
      caption.children[1].textContent = `: ${words.units(layer.units, layer.shape[0])}, ±${strongest}`;
      showTiles(canvas, layer);
    });
  }

  function showTiles(canvas, { shape: [count, height, width], levels }) {
    const found = bytes(levels, Int8Array), side = Math.max(height, width);
    const times = side === 1 ? 14 : Math.max(1, Math.floor(56 / side));
    const tile = { width: times * width + 1, height: times * height + 1 };
    const columns = Math.min(count, Math.max(1, Math.floor(canvas.parentElement.clientWidth / tile.width)));
    const image = new ImageData(columns * tile.width, Math.ceil(count / columns) * tile.height);
    for (let unit = 0; unit < count; unit++) {
      const left = (unit % columns) * tile.width, top = Math.floor(unit / columns) * tile.height;
      for (let y = 0; y < times * height; y++) for (let x = 0; x < times * width; x++) {
        const level = found[(unit * height + Math.floor(y / times)) * width + Math.floor(x / times)] / 127;
        const [red, green, blue] = level < 0 ? [40, 120, 220] : [220, 60, 50], share = Math.abs(level);
        const at = 4 * ((top + y) * image.width + left + x);
        image.data.set([red, green, blue].map((value) => 128 + (value - 128) * share), at);
        image.data[at + 3] = 50 + 205 * share;
      }
    }
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  // From the beginning

  function translate() {
    document.documentElement.lang = words === WORDS.zh ? "zh" : "en";
    for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
    sheet.setAttribute("aria-label", words.draw);
  }

  async function start() {
    translate();
    try {
      model = await ask("/model");
    } catch (error) {
      trouble(error);
      return;
    }
    words = WORDS[model.lang] || words;
    translate();
    trouble(null);
    $("model").textContent = model.name;
    document.title = `${model.name} – fastnn draw`;
    colour.value = model.light ? "#000000" : "#ffffff";
    $("colours").hidden = model.channels === 1;
    small = document.createElement("canvas");
    [small.width, small.height] = [model.width, model.height];
    document.querySelector("main").hidden = false;
    resize();
    look();
  }
  window.addEventListener("hashchange", () => location.reload());
  start();
})();
