// Asks the worker. It has one question at a time; of those that are asked meanwhile, the last one follows.

export class Runner {
  #worker;
  #onMessage;
  #asked = null;
  #waiting = null;
  #last = 0;

  /** `onMessage` is called with what the worker posts, but for answers to questions that have been overtaken. */
  constructor(onMessage) {
    this.#onMessage = onMessage;
    this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => onMessage({ failure: `kvnet could not be started: ${event.message ?? "no worker"}` });
  }

  ask(question) {
    const numbered = { ...question, id: ++this.#last };
    if (this.#asked) this.#waiting = numbered;
    else this.#post(numbered);
  }

  #post(question) {
    this.#asked = question;
    this.#worker.postMessage(question);
  }

  #receive(data) {
    if (data.id === undefined) return this.#onMessage(data);
    this.#asked = null;
    if (this.#waiting) {
      const next = this.#waiting;
      this.#waiting = null;
      return this.#post(next);
    }
    this.#onMessage(data);
  }
}
